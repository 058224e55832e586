import { CATALOGUE, outcomesOf, travelsAs, type Policy, type Scene } from '@stemma/format-statement/catalogue'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stage } from './support/scenes.ts'

const POLICIES: readonly Policy[] = ['raw', 'mixed', 'record', 'reject']

// Another version of SQLite and another machine can't be had in one process. What comes of such scenes is shown by twins that know nothing of
// Stemma; here they show how their statements travel between two ends that are the same in this.
const isElsewhere = ({ differs }: Scene): boolean => differs === 'version' || differs === 'machine'

describe.each(POLICIES)('%s', (policy) => {
  let stage: Stage
  beforeAll(async () => {
    stage = await Stage.open(policy)
  })
  afterAll(() => stage.close())

  const played = CATALOGUE.map((scene) => ({
    ...scene,
    scene,
    isTampered: policy === 'raw' && scene.differs === 'making',
    outcome: isElsewhere(scene) ? (scene.unlike?.[policy] ?? travelsAs(scene, policy)) : outcomesOf(scene)[policy],
  }))

  test.each(played)('$number $what: $outcome', async ({ scene, isTampered, outcome }) => {
    const { outcome: found, why } = await stage.play(scene, { isTampered })
    expect(found, JSON.stringify(why, undefined, 2)).toBe(outcome)
  })

  const tampered = CATALOGUE.flatMap((scene) =>
    scene.tampered === undefined ? [] : [{ ...scene, scene, outcome: scene.tampered }],
  )

  test.each(policy === 'mixed' || policy === 'record' ? tampered : [])(
    '$number $what, of a copy that somebody changed: $outcome',
    async ({ scene, outcome }) => {
      const { outcome: found, why } = await stage.play(scene, { isTampered: true })
      expect(found, JSON.stringify(why, undefined, 2)).toBe(outcome)
    },
  )
})
