import { SCENES, sceneOf, worldOf } from '../scenes/catalogue.ts'
import { ScenePlayer } from '../scenes/scene-player.ts'
import type { Story } from './story.ts'

/** One scene, as the report tells it and its JSON holds it. */
export interface Pitfall {
  readonly number: number
  readonly what: string
  /** Of each policy: what became of the copy. */
  readonly ends: Readonly<Record<string, string>>
  /** Every policy came out as the catalogue says. */
  readonly asPromised: boolean
}

const NUMBER_WIDTH = 4
const WHAT_WIDTH = 44
const END_WIDTH = 10

/**
 * Plays scenes of the catalogue and tells them as a table.
 *
 * @param chosen - numbers of the catalogue; `all` for those that can be seen on one machine
 */
export async function playPitfalls(chosen: 'all' | readonly number[], folder: string, story: Story): Promise<Pitfall[]> {
  const player = new ScenePlayer(folder)
  const head = ['mixed', 'record', 'raw'].map((policy) => policy.padEnd(END_WIDTH)).join('')
  story.say(`${''.padEnd(NUMBER_WIDTH + WHAT_WIDTH)}${head}`)
  const found: Pitfall[] = []
  try {
    for (const { id, number, what, hidden } of SCENES) {
      if (hidden !== undefined || (chosen !== 'all' && !chosen.includes(number))) continue
      const { policies } = await player.play(id, worldOf(sceneOf(id)))
      const ends = Object.fromEntries(policies.map(({ policy, end }) => [policy, end]))
      const asPromised = policies.every((each) => each.asPromised !== false)
      found.push({ number, what, ends, asPromised })
      const shown = policies.map(({ end }) => end.padEnd(END_WIDTH)).join('')
      const mark = asPromised ? '' : 'NOT AS THE CATALOGUE SAYS'
      story.say(`${String(number).padEnd(NUMBER_WIDTH)}${what.slice(0, WHAT_WIDTH - 2).padEnd(WHAT_WIDTH)}${shown}${mark}`)
    }
  } finally {
    await player.close()
  }
  return found
}
