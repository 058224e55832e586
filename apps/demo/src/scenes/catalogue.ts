import { STATEMENT_CODES } from '@stemma/format-statement'
import { CATALOGUE, type Difference, type Outcome, type Scene, outcomesOf } from '@stemma/format-statement/catalogue'
import type { PolicyOutcome, SceneChoice, SceneWorld } from '../wire.ts'

/** What can't be seen between copies that Stemma makes on one machine. */
const HIDDEN: Readonly<Partial<Record<Difference, string>>> = {
  making: 'copies that Stemma makes are made alike in this; a copy that was made otherwise would differ',
  version: 'it takes another version of SQLite, which Stemma refuses to follow by statements',
  machine: 'it takes a machine with another mathematics library',
}

const PROMISES: Readonly<Record<Outcome, string>> = {
  statements: 'it runs again, and is equal',
  rows: 'rows travel, and it is equal',
  differs: 'it differs, and nobody notices',
  stops: 'it stops',
  refused: 'the leader refuses it',
  'not-logged': 'nothing travels, and it is equal',
  'no-follower': 'it is turned away when it connects',
  'not-shown': 'it would take another machine',
}

/** The scenes of the catalogue, with what is known of each. */
export const SCENES: readonly SceneChoice[] = CATALOGUE.map((scene, id) => {
  const { number, what, setup, session = '', statements, differs, safety, code } = scene
  const { why, instead } = STATEMENT_CODES[code]
  const { mixed, record, raw } = outcomesOf(scene)
  const promised = { mixed: PROMISES[mixed], record: PROMISES[record], raw: PROMISES[raw] }
  const hidden = HIDDEN[differs]
  return { id, number, what, setup, session, statements, differs, safety, code, why, instead, promised, hidden }
})

/** True when a scene ended as the catalogue says; undefined where that can't be seen here. */
export function isAsPromised(scene: Scene, policy: PolicyOutcome['policy'], end: PolicyOutcome['end']): boolean | undefined {
  if (HIDDEN[scene.differs] !== undefined) return undefined
  const promised = outcomesOf(scene)[policy]
  if (promised === 'no-follower' || promised === 'not-shown') return undefined
  if (promised === 'differs') return end === 'differs'
  return promised === 'stops' ? end === 'stopped' : end === 'equal'
}

/** @throws Error when there is no such scene */
export function sceneOf(id: number): Scene {
  const scene = CATALOGUE[id]
  if (scene === undefined) throw new Error(`there is no scene ${id}`)
  return scene
}

const LATE_MS = 1_200

/** A world in which a scene's difference shows. */
export function worldOf({ differs }: Pick<Scene, 'differs'>): SceneWorld {
  return { lateMs: differs === 'clock' ? LATE_MS : 0, timeZone: differs === 'time-zone' ? 'Asia/Kolkata' : 'UTC' }
}
