import { StemmaError } from '@stemma/base'
import { expect, test } from 'vitest'
import { newDice, printSeed, times } from './support/dice.ts'
import { newStatementWorld } from './support/statement-world.ts'
import { SCHEMA, layoutOf, nextSql, pragmasOf } from './support/workload.ts'

const SEED = printSeed('statements')
const POLICIES = ['mixed', 'record'] as const

const ACCOUNTS = `CREATE TABLE account (id INTEGER PRIMARY KEY, owner TEXT, cents INTEGER, at TEXT DEFAULT CURRENT_TIMESTAMP, token DEFAULT (hex(randomblob(8))));
  CREATE TABLE audit (id INTEGER PRIMARY KEY, account, what);
  CREATE TRIGGER paid AFTER UPDATE OF cents ON account BEGIN INSERT INTO audit (account, what) VALUES (new.id, new.cents - old.cents); END;`

test('safe statements travel as such, and a copy runs them again, triggers included', async () => {
  const { leader, expectSame, sent } = await newStatementWorld(ACCOUNTS)
  const { database } = leader
  const open = database.prepare('INSERT INTO account (owner, cents, at, token) VALUES (?, ?, ?, ?)')
  const pay = database.prepare('UPDATE account SET cents = cents + :cents WHERE id = :id')
  for (let i = 1; i <= 50; i++) open.run(`owner ${i}`, BigInt(i), null, Buffer.from([i]))
  database.transaction(() => {
    for (let id = 1; id <= 50; id++) pay.run({ id, cents: BigInt(id) })
  })()
  database.exec(
    'UPDATE account SET cents = cents * 2 WHERE id = 7; DELETE FROM account WHERE id % 7 = 3; CREATE INDEX by_owner ON account (owner)',
  )
  await expectSame()
  expect(await sent()).toEqual({ entries: 54, asRows: 0 })
})

test.each([
  ['mixed', 4],
  ['record', 1],
] as const)('%s: unsafe statements leave the same on a copy; %i transactions travel as rows', async (policy, asRows) => {
  const { leader, expectSame, sent } = await newStatementWorld(ACCOUNTS, { statements: { policy, recordable: ['lucky'] } })
  const { database } = leader
  database.function('lucky', () => Math.random())
  database.exec('INSERT INTO account (owner, cents) VALUES (hex(randomblob(4)), random())')
  database.transaction(() => {
    database.exec("INSERT INTO account (owner, cents, at, token) VALUES ('a', 1, 2, 3)")
    database.prepare("UPDATE account SET cents = 5, at = datetime('now', 'localtime') WHERE id = ?").run(1n)
    database.exec('INSERT INTO audit (account, what) VALUES (last_insert_rowid(), changes())')
  })()
  database.prepare('INSERT INTO audit (what) VALUES (lucky()) RETURNING what').get()
  database.exec("INSERT INTO audit (what) VALUES ('safe')")
  database.exec('DELETE FROM audit WHERE id IN (SELECT id FROM audit LIMIT 1)')
  await expectSame()
  expect(await sent()).toEqual({ entries: 5, asRows })
})

test('reject refuses an unsafe statement, says why, and leaves the database as it was', async () => {
  const { leader, expectSame, sent } = await newStatementWorld(ACCOUNTS, { statements: { policy: 'reject' } })
  const { database } = leader
  const caught = (work: () => unknown): unknown => {
    try {
      return work()
    } catch (error) {
      return error
    }
  }
  const error = caught(() =>
    database.prepare("INSERT INTO account (owner, at) VALUES ('a', datetime('now'))").run(),
  ) as StemmaError
  expect(error).toBeInstanceOf(StemmaError)
  expect(error).toMatchObject({ code: 'STATEMENT_REFUSED', details: { code: 'RANDOM_VALUE' } })
  expect(database.prepare('SELECT count(*) FROM account').pluck().get()).toBe(0)
  expect(caught(() => database.prepare('SELECT * FROM nowhere'))).toMatchObject({ code: 'SQLITE_ERROR' })
  expect(caught(() => database.exec('INSERT INTO nowhere VALUES (1)'))).toMatchObject({ code: 'SQLITE_ERROR' })
  database.exec("INSERT INTO account (owner, at, token) VALUES ('a', 1, 2)")
  await expectSame()
  expect(await sent()).toEqual({ entries: 1, asRows: 0 })
})

test.each(POLICIES.flatMap((policy) => Array.from({ length: times(2, 50) }, (_, n) => [policy, n] as const)))(
  '%s, workload %i: whatever a program runs, a copy by statements ends with the same rows',
  { timeout: 240_000 },
  async (policy, n) => {
    const dice = newDice(SEED + n)
    const { leader, expectSame, sent } = await newStatementWorld(
      SCHEMA,
      { statements: { policy } },
      pragmasOf(layoutOf(n + (SEED % 24))),
    )
    let step = 0
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 20; i++) leader.database.exec(nextSql(dice, step++))
      await expectSame()
    }
    const { entries, asRows } = await sent()
    expect(entries).toBeGreaterThan(asRows)
  },
)
