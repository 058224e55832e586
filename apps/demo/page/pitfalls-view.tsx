import { useEffect, useState } from 'preact/hooks'
import type { SceneChoice, SceneOutcome, SceneWorld } from '../src/wire.ts'
import { AskButton } from './ask-button.tsx'
import { ask } from './live.ts'
import { SceneResult } from './scene-result.tsx'

const ZONES = ['UTC', 'America/New_York', 'Europe/Berlin', 'Asia/Kolkata', 'Asia/Tokyo'] as const
const DELAYS = [0, 1_200, 3_000] as const

interface Told {
  readonly scenes: readonly SceneChoice[]
  readonly worlds: readonly SceneWorld[]
}

/** The catalogue of what goes wrong when a statement is run again, each to be seen. */
export function PitfallsView() {
  const [told, setTold] = useState<Told>({ scenes: [], worlds: [] })
  const [id, setId] = useState(0)
  const [world, setWorld] = useState<SceneWorld | undefined>(undefined)
  const [outcomes, setOutcomes] = useState<ReadonlyMap<number, SceneOutcome>>(new Map())
  useEffect(() => {
    void fetch('/api/scenes')
      .then((answer) => answer.json() as Promise<Told>)
      .then(setTold)
  }, [])
  const scene = told.scenes[id]
  const now = world ?? told.worlds[id]
  if (scene === undefined || now === undefined) return <p class="quiet">reading the catalogue…</p>
  const choose = (next: number): void => {
    setId((next + told.scenes.length) % told.scenes.length)
    setWorld(undefined)
  }
  const play = async (): Promise<void> => {
    const outcome = await ask<SceneOutcome>('scenes', { id, ...now })
    setOutcomes((before) => new Map(before).set(id, outcome))
  }
  return (
    <>
      <section class="control" aria-label="Which scene">
        <label class="grow">
          Scene
          <select value={String(id)} onChange={(event) => choose(Number(event.currentTarget.value))}>
            {told.scenes.map(({ id: each, number, what }) => (
              <option key={each} value={String(each)}>
                {number}. {what} {showMark(outcomes.get(each))}
              </option>
            ))}
          </select>
        </label>
        <button type="button" onClick={() => choose(id - 1)}>
          Before
        </button>
        <button type="button" onClick={() => choose(id + 1)}>
          Next
        </button>
      </section>
      <Scene scene={scene} />
      <World world={now} hidden={scene.hidden} onChange={setWorld} act={play} />
      {outcomes.get(id)?.policies.map((outcome) => (
        <SceneResult key={outcome.policy} outcome={outcome} />
      ))}
    </>
  )
}

interface WorldProps {
  readonly world: SceneWorld
  readonly hidden: string | undefined
  onChange(world: SceneWorld): void
  act(): Promise<void>
}

function World({ world, hidden, onChange, act }: WorldProps) {
  return (
    <section class="control" aria-label="The copy's world">
      <label>
        The copy runs it later by
        <select
          value={String(world.lateMs)}
          onChange={(event) => onChange({ ...world, lateMs: Number(event.currentTarget.value) })}
        >
          {DELAYS.map((each) => (
            <option key={each} value={String(each)}>
              {each / 1000} s
            </option>
          ))}
        </select>
      </label>
      <label>
        Its time zone (the leader's is UTC)
        <select value={world.timeZone} onChange={(event) => onChange({ ...world, timeZone: event.currentTarget.value })}>
          {ZONES.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      </label>
      <AskButton class="main" act={act}>
        Run it
      </AskButton>
      {hidden !== undefined && <p class="quiet">Not to be seen here: {hidden}.</p>}
    </section>
  )
}

function Scene({ scene: { setup, session, statements, why, instead, code, safety, differs, promised } }: { scene: SceneChoice }) {
  return (
    <section class="scene">
      {setup !== '' && <Sql label="There was" text={setup} />}
      {session !== '' && <Sql label="The leader's connection, alone" text={session} />}
      <Sql label="The leader runs" text={statements.join(';\n')} />
      <p>
        <b>{code}</b>{' '}
        <small class="quiet">
          ({safety}; differs by: {differs})
        </small>{' '}
        {why}
      </p>
      <p>
        <b>Instead:</b> {instead}
      </p>
      <p class="quiet">
        What becomes of the copy: mixed: {promised.mixed}; record: {promised.record}; raw: {promised.raw}.
      </p>
    </section>
  )
}

function Sql({ label, text }: { label: string; text: string }) {
  return (
    <>
      <h2>{label}</h2>
      <pre class="details">{text}</pre>
    </>
  )
}

function showMark(outcome: SceneOutcome | undefined): string {
  return outcome === undefined ? '' : `(${outcome.policies.map(({ policy, end }) => `${policy}: ${end}`).join(', ')})`
}
