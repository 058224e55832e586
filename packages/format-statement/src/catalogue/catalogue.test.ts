import { expect, test } from 'vitest'
import { classifyIn } from '../../test/database.ts'
import { isShownByNode, olderSqlite, playNaively } from '../../test/naive-copy.ts'
import { CATALOGUE, type Scene } from './index.ts'

const OLDER = olderSqlite()

const isShown = ({ differs }: Scene): boolean => differs !== 'machine'
const needsOlder = (scene: Scene): boolean => scene.differs === 'version' && !isShownByNode(scene)

test('the catalogue has 57 rows', () => {
  expect([...new Set(CATALOGUE.map(({ number }) => number))]).toEqual(Array.from({ length: 57 }, (_, index) => index + 1))
})

test.each(CATALOGUE)('$number $what: $safety, $code', (scene) => {
  const { setup, session = '', statements, userFunction, safety, code } = scene
  const verdict = classifyIn(`${setup};${session}`, statements[0]!, userFunction === undefined ? [] : [userFunction.name])
  expect({ safety: verdict.safety, codes: verdict.findings.map((each) => each.code) }).toEqual({
    safety,
    codes: expect.arrayContaining([code]),
  })
})

test.each(CATALOGUE.filter((scene) => isShown(scene) && !needsOlder(scene)))(
  '$number $what: a copy that just runs it again $naive, for its $differs',
  expectDivergence,
)

// An older version is that of the `sqlite3` program, where there is one.
test.skipIf(OLDER === undefined).each(CATALOGUE.filter(needsOlder))(
  '$number $what: an older SQLite that just runs it again $naive',
  expectDivergence,
)

test('what one machine can not show is the mathematics library of another', () => {
  expect(CATALOGUE.filter((scene) => !isShown(scene)).map(({ number }) => number)).toEqual([57])
})

function expectDivergence(scene: Scene): void {
  const { leader, copy } = playNaively(scene)
  const failed = copy.said.filter((said) => said.startsWith('fails'))
  const message = JSON.stringify({ leader, copy }, undefined, 2)
  expect(failed.length > 0 && copy.said.join() !== leader.said.join(), message).toBe(scene.naive === 'fails')
  expect(copy.content, message).not.toEqual(leader.content)
}
