import { afterAll, expect, test } from 'vitest'
import { fuzzOne, showFinding } from './fuzz.ts'
import { newScript, showScript } from './generate/script.ts'
import { judgeChangeset } from './judge-changeset.ts'
import { judgeDiffer } from './judge-differ.ts'
import { judgeReplica } from './judge-replica.ts'
import { closeSessions, judgeSession } from './judge-session.ts'
import type { Judge } from './judge.ts'

const SEED = Number(process.env['SEED'] ?? 1)
const OPTIONS = { statements: 80 }

const JUDGES: Readonly<Record<string, Judge>> = {
  differ: judgeDiffer,
  session: judgeSession,
  changeset: judgeChangeset,
  replica: judgeReplica,
}

afterAll(closeSessions)

test.each(Array.from({ length: 8 }, (_, i) => SEED + i))(
  'rows of the script of seed %i are told as SQLite has them',
  async (seed) => {
    const finding = await fuzzOne(seed, { ...OPTIONS, judges: JUDGES })
    expect(finding === undefined ? '' : showFinding(finding)).toBe('')
  },
)

test('the same seed makes the same script', () => {
  expect(showScript(newScript(SEED, OPTIONS))).toBe(showScript(newScript(SEED, OPTIONS)))
})

test('what is found comes with a script that is as small as can be', async () => {
  const judge: Judge = ({ statements }) => {
    const step = statements.findIndex((sql) => sql.startsWith('CREATE TABLE'))
    return Promise.resolve(step < 0 ? undefined : { kind: 'found', message: 'a table', step })
  }
  const finding = await fuzzOne(SEED, { ...OPTIONS, judges: { judge } })
  expect(finding).toMatchObject({ seed: SEED, judge: 'judge', failure: { kind: 'found' } })
  expect(finding?.script.statements.length).toBe(1)
  expect(showFinding(finding!)).toContain(`seed ${SEED}, judge: found`)
})
