import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { openFollower, openLeader, readLog, verifyCopy, type FollowerEvent, type Leader } from '../../src/index.ts'
import { newDice, printSeed } from './support/dice.ts'
import { makeDatabase, newFolder } from './support/folder.ts'
import { expectSameRows } from './support/mirror.ts'
import { SCHEMA, layoutOf, nextSql, pragmasOf } from './support/workload.ts'

const SEED = printSeed('changeset')

async function lead(database: string, formats: readonly string[]): Promise<Leader> {
  const leader = await openLeader({ database, formats, thread: 'same' })
  onTestFinished(() => leader.close())
  return leader
}

test.each([0, 1])('a copy follows by changesets through any workload, migrations too: %i', { timeout: 120_000 }, async (n) => {
  const dice = newDice(SEED + n)
  const folder = newFolder()
  const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
  makeDatabase(app, SCHEMA, pragmasOf(layoutOf(n + (SEED % 24))))
  const leader = await lead(app, ['wal', 'changeset'])
  const trouble: FollowerEvent[] = []
  const follower = await openFollower({
    url: leader.url,
    database: copy,
    format: 'changeset',
    thread: 'same',
    onEvent: (event) => void (['warning', 'failed', 'diverged', 'resync'].includes(event.kind) && trouble.push(event)),
  })
  onTestFinished(() => follower.close())
  for (let step = 0; step < 36; step++) {
    leader.database.exec(nextSql(dice, step))
    if (step % 12 !== 11) continue
    await leader.waitFor({ followers: 1, level: 'applied', timeoutMs: 60_000 })
    expectSameRows(app, copy)
  }
  expect(trouble).toEqual([])
  expect((await follower.status()).formats).toEqual(['changeset'])
  expect(await verifyCopy({ leader: leader.url, database: copy })).toMatchObject({ kind: 'same' })
})

test('the log of a leader is applied by another SQLite, which need not know Stemma', async () => {
  const folder = newFolder()
  const app = join(folder, 'app.db')
  const schema = `CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL);
    CREATE TABLE tag (name TEXT PRIMARY KEY, n INT);
    CREATE TABLE pair (b, a, c, PRIMARY KEY (a, b)) WITHOUT ROWID`
  makeDatabase(app, schema)
  const leader = await lead(app, ['wal', 'changeset'])
  const other = new DatabaseSync(':memory:')
  onTestFinished(() => other.close())
  other.exec(schema)
  leader.database.exec(`BEGIN; INSERT INTO item (name, price) VALUES ('a', 1), ('b', 2.5), ('c', NULL);
    INSERT INTO tag VALUES ('x', 1), ('y', 2); INSERT INTO pair VALUES (1, 2, x'00'), (3, 4, 'z'); COMMIT`)
  leader.database.exec("UPDATE item SET price = price + 1; DELETE FROM item WHERE name = 'b'; UPDATE tag SET name = name || name")
  leader.database.exec('UPDATE pair SET c = 7 WHERE a = 2; DELETE FROM pair WHERE a = 4')
  await leader.close()
  const entries = await readLog({ database: app, format: 'changeset', after: 0, limit: 100 })
  expect(entries.map(({ summary }) => summary.replace(/; \d+ bytes/, ''))).toEqual([
    'item: 3 rows; tag: 2 rows; pair: 2 rows',
    'item: 2 rows',
    'item: 1 row',
    'tag: 2 rows',
    'pair: 1 row',
    'pair: 1 row',
  ])
  expect(other.applyChangeset(Buffer.concat(entries.map(({ payload }) => payload)))).toBe(true)
  const database = new Database(app, { readonly: true })
  onTestFinished(() => void database.close())
  for (const table of ['item', 'tag', 'pair']) {
    const sql = `SELECT * FROM ${table} ORDER BY 1`
    expect(other.prepare(sql).all().map(Object.values), table).toEqual(database.prepare(sql).raw().all())
  }
})

test('a leader keeps the log of a format that somebody else wrote, and goes on when that fails', async () => {
  const folder = newFolder()
  const [app, module] = [join(folder, 'app.db'), join(folder, 'own.mjs')]
  makeDatabase(app, 'CREATE TABLE t (id INTEGER PRIMARY KEY, a)')
  writeFileSync(
    module,
    `export const format = { name: 'own', version: 2, reads: [2], view: 'rows', isFeedOnly: true,
      encode(commit) {
        const names = commit.rows().tables.map(({ name }) => name)
        if (names.includes('bad')) throw new Error('no idea')
        return new TextEncoder().encode(names.join() + '\\n')
      },
      describe: (payload) => ({ summary: new TextDecoder().decode(payload).trim(), details: [] }) }`,
  )
  const warnings: string[] = []
  const leader = await openLeader({
    database: app,
    formats: ['wal', module],
    thread: 'same',
    onEvent: (event) => void (event.kind === 'warning' && warnings.push(event.error.code)),
  })
  onTestFinished(() => leader.close())
  leader.database.exec('INSERT INTO t (a) VALUES (1)')
  leader.database.exec('CREATE TABLE bad (x)')
  for (let i = 0; i < 5; i++) leader.database.exec('INSERT INTO bad VALUES (1)')
  leader.database.exec('INSERT INTO t (a) VALUES (2)')
  await leader.close()
  const entries = await readLog({ database: app, format: module, after: 0 })
  expect(entries.map(({ summary, barrier }) => (barrier ? 'barrier' : summary))).toEqual([
    't',
    ...Array<string>(6).fill('barrier'),
    't',
  ])
  expect(warnings).toEqual(['FORMAT_FAILED', 'FORMAT_FAILED', 'FORMAT_FAILED'])
  await expect(
    openFollower({ url: leader.url, database: join(folder, 'copy.db'), format: module, thread: 'same' }),
  ).rejects.toMatchObject({
    code: 'FORMAT_FEED_ONLY',
  })
})
