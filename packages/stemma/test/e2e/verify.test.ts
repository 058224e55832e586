import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { betterSqlite3, makeCopyTable } from '@stemma/storage'
import { openLeader, verifyCopy, type Leader, type LeaderOptions } from '../../src/index.ts'
import { openAsker } from '../../src/questions/ask-leader.ts'
import { makeDatabase, newFolder } from './support/folder.ts'

const SCHEMA = `
  CREATE TABLE plain (id INTEGER PRIMARY KEY, a, r REAL, t TEXT, b BLOB);
  CREATE TABLE keyed (k TEXT COLLATE NOCASE, n INTEGER, v, PRIMARY KEY (n DESC, k)) WITHOUT ROWID;
  CREATE TABLE nameless (x);
  CREATE TABLE made (a INTEGER, s INTEGER GENERATED ALWAYS AS (a * 2) STORED, v INTEGER GENERATED ALWAYS AS (a * 3) VIRTUAL, z);
  CREATE VIRTUAL TABLE page USING fts5 (title);
  CREATE INDEX plain_a ON plain (a);
  INSERT INTO plain WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    SELECT i, i * 1000000007 * 1000000007, i, 'text ' || i, randomblob(i % 50) FROM n;
  INSERT INTO plain VALUES (-5, 9e999, -0.0, CAST(x'61ff62' AS TEXT), x''), (9223372036854775807, NULL, 0.1, char(0, 65), NULL);
  INSERT INTO keyed SELECT 'k' || id, id % 7, a FROM plain;
  INSERT INTO nameless SELECT a FROM plain;
  INSERT INTO made (a, z) SELECT id, t FROM plain WHERE id < 100;
  INSERT INTO page SELECT t FROM plain WHERE id BETWEEN 1 AND 200;
  ALTER TABLE nameless ADD COLUMN later REAL DEFAULT 5;
  INSERT INTO nameless VALUES (1, 2)`

async function lead(options: Partial<LeaderOptions> = {}): Promise<{ leader: Leader; path: string; folder: string }> {
  const folder = newFolder()
  const path = join(folder, 'app.db')
  makeDatabase(path, SCHEMA)
  const leader = await openLeader({ database: path, formats: ['wal', 'row'], thread: 'same', ...options })
  onTestFinished(() => leader.close())
  return { leader, path, folder }
}

/** A copy by rows, made by SQLite, as it is right now. */
async function copyOf(leader: Leader, folder: string, pragmas = ''): Promise<string> {
  const copy = join(folder, 'copy.db')
  const status = await leader.status()
  const source = leader.database
  const made = new Database(copy)
  made.exec(`${pragmas}; PRAGMA journal_mode = WAL`)
  made.close()
  if (pragmas === '') {
    source.exec(`VACUUM INTO '${join(folder, 'raw.db')}'`)
    return place(join(folder, 'raw.db'), status)
  }
  // Row by row, for a database with other pages or another encoding.
  const to = new Database(copy)
  to.exec(`ATTACH '${source.name}' AS leader`)
  const tables = to
    .prepare("SELECT name, sql FROM leader.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'page%'")
    .all() as {
    name: string
    sql: string
  }[]
  for (const { name, sql } of tables) {
    to.exec(sql)
    const columns = to
      .prepare(`SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0`)
      .pluck()
      .all(name)
      .map((each) => `"${String(each)}"`)
      .join(', ')
    const rowid = sql.includes('WITHOUT ROWID') || columns.includes('"id"') ? '' : 'rowid, '
    to.exec(`INSERT INTO main."${name}" (${rowid}${columns}) SELECT ${rowid}${columns} FROM leader."${name}"`)
  }
  to.close()
  return place(copy, status)
}

function place(copy: string, { cluster, position, digest }: Awaited<ReturnType<Leader['status']>>): string {
  const connection = betterSqlite3.open(copy, { mustExist: true })
  const facts = { cluster, format: 'row', position: position!, digest: BigInt(`0x${digest}`), pageSize: 4096, pageCount: 1 }
  makeCopyTable(connection, { node: 'f'.repeat(32), place: { ...facts, wal: undefined } })
  connection.close()
  return copy
}

test('a copy that is true is said to be the same, also when the leader has gone on since', async () => {
  const { leader, folder } = await lead()
  const database = await copyOf(leader, folder)
  expect(await verifyCopy({ leader: leader.url, database })).toMatchObject({ kind: 'same', tables: 9 })
  leader.database
    .exec(`UPDATE plain SET a = a + 1 WHERE id % 3 = 0; DELETE FROM keyed WHERE n = 2; INSERT INTO nameless VALUES ('new', 1.5);
    UPDATE plain SET a = a - 1 WHERE id % 3 = 0; DELETE FROM plain WHERE id = 9; UPDATE made SET a = a + 1; INSERT INTO page VALUES ('new page');
    UPDATE keyed SET v = 'x' WHERE n = 3; UPDATE keyed SET v = 'y' WHERE n = 3`)
  expect(await verifyCopy({ leader: join(folder, 'app.db'), database })).toMatchObject({ kind: 'same', tables: 9 })
})

test.each<[what: string, sql: string, found: Readonly<Record<string, unknown>>]>([
  [
    'a row that was changed behind our back',
    "UPDATE plain SET t = 'text 11!' WHERE id = 11",
    { name: 'plain', what: 'a row of the copy is another', leader: /"t":"text 11"/, copy: /"t":"text 11!"/ },
  ],
  [
    'a row too many',
    "INSERT INTO keyed VALUES ('zz', 99, 1)",
    { name: 'keyed', what: /has a row/, copy: /"k":"zz"/, leader: undefined },
  ],
  ['a row too few', 'DELETE FROM nameless WHERE rowid = 17', { name: 'nameless', what: /lacks a row/, leader: /"rowid":17/ }],
  ['an integer that is a real', 'UPDATE nameless SET x = x + 0.0 WHERE rowid = 2', { name: 'nameless', leader: /"x":/ }],
  ['a text that is a blob', 'UPDATE made SET z = CAST(z AS BLOB) WHERE a = 5', { name: 'made', copy: /"blob"/ }],
  ['the first of many rows', "UPDATE plain SET t = 'x' WHERE id >= 500 AND id < 508", { name: 'plain', leader: /"id":500,/ }],
  ['an index that is missing', 'DROP INDEX plain_a', { name: 'plain_a', what: /lacks/ }],
  ['a table too many', 'CREATE TABLE more (x)', { name: 'more', what: /no such thing/ }],
])('%s is found', async (_what, sql, found) => {
  const { leader, folder } = await lead()
  const database = await copyOf(leader, folder)
  const copy = new Database(database)
  copy.exec(sql)
  copy.close()
  leader.database.exec(
    "UPDATE plain SET t = t || '.'; UPDATE plain SET t = rtrim(t, '.') WHERE id <> 600; UPDATE nameless SET later = 1",
  )
  const result = await verifyCopy({ leader: leader.url, database })
  expect(result).toMatchObject({ kind: 'differs' })
  for (const [field, want] of Object.entries(found)) {
    const value = (result as unknown as Record<string, unknown>)[field]
    if (want instanceof RegExp) expect(value, field).toMatch(want)
    else expect(value, field).toBe(want)
  }
})

test.each(['PRAGMA page_size = 512', "PRAGMA encoding = 'UTF-16le'", "PRAGMA encoding = 'UTF-16be'; PRAGMA page_size = 16384"])(
  'a copy with %s is the same, table by table',
  async (pragmas) => {
    const { leader, folder } = await lead()
    const database = await copyOf(leader, folder, pragmas)
    leader.database.exec('UPDATE plain SET a = 1; UPDATE keyed SET v = 2')
    const tables = ['plain', 'keyed', 'nameless', 'made']
    expect(await verifyCopy({ leader: leader.url, database, tables })).toMatchObject({ kind: 'same', tables: 4 })
    const copy = new Database(database)
    copy.exec("UPDATE keyed SET v = 'other' WHERE k = 'k700'")
    copy.close()
    expect(await verifyCopy({ leader: leader.url, database, tables })).toMatchObject({ kind: 'differs', name: 'keyed' })
  },
)

test('a table that is not there, another database, and another history are told apart', async () => {
  const { leader, folder } = await lead()
  const database = await copyOf(leader, folder)
  await expect(verifyCopy({ leader: leader.url, database, tables: ['nowhere'] })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' })
  const other = await lead()
  await expect(verifyCopy({ leader: other.leader.url, database })).rejects.toMatchObject({ code: 'CLUSTER_MISMATCH' })
  await expect(verifyCopy({ leader: leader.url, database: join(folder, 'app.db') })).rejects.toMatchObject({ code: 'WRONG_ROLE' })
  const copy = new Database(database)
  copy.exec('UPDATE _stemma_copy SET digest = 1')
  copy.close()
  await expect(verifyCopy({ leader: leader.url, database })).rejects.toMatchObject({ code: 'HISTORY_DIVERGED' })
})

test('without old rows a copy is compared when no commit lies between, and otherwise it is said why it can not be', async () => {
  const { leader, folder } = await lead({ rowImage: 'changed' })
  const database = await copyOf(leader, folder)
  expect(await verifyCopy({ leader: leader.url, database })).toMatchObject({ kind: 'same' })
  leader.database.exec('UPDATE plain SET a = 1 WHERE id = 1')
  const attempt = verifyCopy({ leader: leader.url, database, signal: AbortSignal.timeout(3_000) })
  await expect(attempt).rejects.toThrow(/row-image changed|aborted/)
})

test('what is asked is bounded, and what makes no sense is refused', async () => {
  const { leader, folder } = await lead()
  const database = await copyOf(leader, folder)
  const { cluster, position, digest } = await leader.status()
  const asker = await openAsker({ url: leader.url })
  onTestFinished(() => asker.close())
  const common = { cluster, position, digest, encoding: 'utf-8' }
  for (const question of [
    { ask: 'nothing' },
    { ask: 'digests' },
    { ...common, ask: 'digests', encoding: 'latin-1' },
    { ...common, ask: 'digests', tables: 'plain' },
    { ...common, ask: 'rows', table: 'plain', buckets: [1024] },
    { ...common, ask: 'rows', table: 'plain', buckets: [] },
    { ...common, ask: 'buckets' },
    { ask: 'schema', position, schemaVersion: 1, tables: [7] },
  ]) {
    await expect(asker.ask(question)).rejects.toMatchObject({ code: 'BAD_ARGUMENT' })
  }
  expect(await asker.ask({ ...common, ask: 'digests', tables: ['plain'] })).toMatchObject({ tables: [{ name: 'plain' }] })
  // Many at once take turns.
  const results = await Promise.all(
    Array.from({ length: 6 }, () => verifyCopy({ leader: leader.url, database, tables: ['made'] })),
  )
  expect(results.every(({ kind }) => kind === 'same')).toBe(true)
})
