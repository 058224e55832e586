import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { StemmaError } from '@stemma/base'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { contentOf } from '../../test/logical/content.ts'
import { newPair, openRows } from '../../test/logical/follow-rows.ts'
import { RowLeader } from '../../test/logical/row-leader.ts'
import { inFolder, open, takeSnapshot } from '../../test/replica/follow.ts'
import { TestLeader, anew } from '../../test/replica/test-leader.ts'
import type { LogicalReplicaEvent } from './logical-replica.ts'

const codeOf = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    if (StemmaError.is(error)) return error.code
    throw error
  }
  return 'no error'
}

const TABLE =
  "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b TEXT); INSERT INTO t VALUES (1, 1, 'one'), (2, 2, 'two'), (3, 3, 'three')"

test('entries are applied once, whatever comes twice', () =>
  inFolder(async (folder) => {
    const { leader, replica, source, copy } = await newPair(folder, TABLE)
    leader.run('UPDATE t SET a = a + 1')
    leader.run('DELETE FROM t WHERE id = 3')
    replica.apply(leader.entries)
    replica.apply(leader.entries)
    expect(contentOf(copy)).toEqual(contentOf(source))
    await replica.close()
    const again = await openRows(folder)
    expect(again.state).toMatchObject({ kind: 'ready', position: leader.position, digest: leader.digest })
    again.apply(leader.entries)
    expect(contentOf(copy)).toEqual(contentOf(source))
    expect(again.node).toBe(replica.node)
    await again.close()
    leader.close()
  }))

test('entries that do not follow on are refused, and those before them are applied', () =>
  inFolder(async (folder) => {
    const { leader, replica } = await newPair(folder, TABLE)
    const [one] = leader.run('UPDATE t SET a = 5 WHERE id = 1')
    const [two] = leader.run('UPDATE t SET a = 6 WHERE id = 1')
    const [three] = leader.run('UPDATE t SET a = 7 WHERE id = 1')
    expect(codeOf(() => replica.apply([one!, three!]))).toBe('ENTRY_GAP')
    expect(replica.state).toMatchObject({ position: one!.position })
    expect(codeOf(() => replica.apply([anew(two!, { digestBefore: 1n })]))).toBe('HISTORY_DIVERGED')
    expect(codeOf(() => replica.apply([anew(two!, { barrier: true })]))).toBe('SNAPSHOT_NEEDED')
    expect(codeOf(() => replica.apply([anew(two!, { format: 'other' })]))).toBe('NO_COMMON_FORMAT')
    replica.apply([two!, three!])
    await replica.close()
    leader.close()
  }))

test.each([
  {
    title: 'a row that is gone',
    here: 'DELETE FROM t WHERE id = 2',
    commit: "UPDATE t SET b = 'x' WHERE id = 2",
    shows: ['no such row', "b = 'two'"],
  },
  {
    title: 'a row that is another',
    here: "UPDATE t SET b = 'TWO' WHERE id = 2",
    commit: 'DELETE FROM t WHERE id = 2',
    shows: ["b = 'TWO'", "b = 'two'"],
  },
  {
    title: 'an integer that is a real',
    here: 'UPDATE t SET a = 2.0 WHERE id = 2',
    commit: 'UPDATE t SET a = 9 WHERE id = 2',
    shows: ['a = 2.0', 'a = 2,'],
  },
  {
    title: 'a text that is its bytes',
    here: "UPDATE t SET a = x'32' WHERE id = 2",
    commit: 'UPDATE t SET a = 9 WHERE id = 2',
    shows: ["x'32'", 'a = 2,'],
  },
  {
    title: 'a column that the commit leaves as it is',
    here: 'UPDATE t SET a = 5 WHERE id = 2',
    commit: "UPDATE t SET b = 'x' WHERE id = 2",
    shows: ['a = 5', 'a = 2'],
  },
  {
    title: 'a row where one is inserted',
    here: "INSERT INTO t VALUES (9, 9, 'mine')",
    commit: "INSERT INTO t VALUES (9, 8, 'theirs')",
    shows: ["b = 'mine'", 'none'],
  },
])('it stops at $title, showing both, or is forced over it', ({ here, commit, shows }) =>
  inFolder(async (folder) => {
    const { leader, replica, copy, source } = await newPair(folder, TABLE)
    leader.run("INSERT INTO t VALUES (4, 4, 'four')")
    write(copy, here)
    leader.run(commit)
    leader.run("INSERT INTO t VALUES (10, 1, 'ten')")
    let error: unknown
    try {
      replica.apply(leader.entries)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(StemmaError)
    const { code, message, details } = error as StemmaError
    expect(code).toBe('ROW_DIFFERS')
    for (const text of shows) expect(message).toContain(text)
    expect(details).toMatchObject({ table: 't', position: leader.entries[2]!.position })
    expect(replica.state).toMatchObject({ position: leader.entries[1]!.position })
    await replica.close()

    const events: LogicalReplicaEvent[] = []
    const forced = await openRows(folder, { onDifference: 'force', onEvent: (event) => events.push(event) })
    forced.apply(leader.entries)
    expect(contentOf(copy).tables).toEqual(contentOf(source).tables)
    expect(events.map(({ kind }) => kind)).toEqual(['forced'])
    await forced.close()
    leader.close()
  }),
)

test('a unique value that another row of the copy holds is a difference, and forced, that row goes', () =>
  inFolder(async (folder) => {
    const { leader, replica, copy } = await newPair(
      folder,
      'CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE); INSERT INTO t VALUES (1, 1)',
    )
    write(copy, 'INSERT INTO t VALUES (7, 5)')
    leader.run('UPDATE t SET a = 5 WHERE id = 1')
    expect(codeOf(() => replica.apply(leader.entries))).toBe('ROW_DIFFERS')
    await replica.close()
    const forced = await openRows(folder, { onDifference: 'force' })
    forced.apply(leader.entries)
    expect(contentOf(copy).tables).toEqual({ t: ['1 integer:1 integer:5'] })
    await forced.close()
    leader.close()
  }))

test('rows that swap what only one may have are not taken for different, whatever else they hold', () =>
  inFolder(async (folder) => {
    const { leader, replica, source, copy } = await newPair(
      folder,
      "CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE, r REAL); INSERT INTO t VALUES (1, 'one', 60), (2, 'two', 61.5), (3, 'three', -0.0)",
    )
    leader.run(
      "BEGIN; UPDATE t SET a = '' WHERE id = 1; UPDATE t SET a = 'one' WHERE id = 2; UPDATE t SET a = 'two', r = 7 WHERE id = 1; COMMIT",
    )
    replica.apply(leader.entries)
    expect(contentOf(copy)).toEqual(contentOf(source))
    await replica.close()
    leader.close()
  }))

test('a copy that lacks what the leader drops says so, and stays where it is', () =>
  inFolder(async (folder) => {
    const { leader, replica, copy } = await newPair(folder, `${TABLE}; CREATE VIEW v AS SELECT 1`)
    write(copy, 'DROP VIEW v')
    leader.run('DROP VIEW v')
    expect(codeOf(() => replica.apply(leader.entries))).toBe('REPLICA_WRITTEN')
    expect(replica.state).toMatchObject({ position: leader.entries[0]!.position })
    await replica.close()
    leader.close()
  }))

test.each([
  ['a table that is dropped', 'DROP TABLE t'],
  ['a table that is dropped and made anew', 'BEGIN; DROP TABLE t; CREATE TABLE t (id INTEGER PRIMARY KEY, a, b); COMMIT'],
  ['a table that is renamed', 'ALTER TABLE t RENAME TO u'],
  ['a column that is renamed', 'ALTER TABLE t RENAME COLUMN b TO c'],
  ['a column that is dropped', 'ALTER TABLE t DROP COLUMN b'],
  ['a column that is added', 'ALTER TABLE t ADD COLUMN c'],
])('an index that only the copy has is not in the way of %s', (_, sql) =>
  inFolder(async (folder) => {
    const { leader, replica, copy } = await newPair(folder, TABLE)
    write(copy, 'CREATE INDEX mine ON t (b, a)')
    replica.apply(leader.run(sql))
    expect(contentOf(copy).tables).toEqual(contentOf(leader.database.name).tables)
    expect(contentOf(copy).integrity).toEqual([{ integrity_check: 'ok' }])
    await replica.close()
    leader.close()
  }),
)

test('an index by a function of the leader’s program can not be kept, and the copy says why', () =>
  inFolder(async (folder) => {
    const { leader, replica } = await newPair(folder, TABLE)
    leader.database.function('twice', { deterministic: true }, (x) => 2 * (x as number))
    leader.run('CREATE VIEW v AS SELECT twice(a) FROM t')
    replica.apply(leader.entries)
    const [entry] = leader.run('CREATE INDEX i ON t (twice(a))')
    expect(codeOf(() => replica.apply([entry!]))).toBe('MISSING_FUNCTION')
    expect(replica.state).toMatchObject({ position: leader.entries[1]!.position })
    await replica.close()
    leader.close()
  }))

test('what others write to the copy is told, checkpoints and reads are not', () =>
  inFolder(async (folder) => {
    const events: LogicalReplicaEvent[] = []
    const { leader, replica, copy } = await newPair(folder, TABLE, {
      onEvent: (event) => events.push(event),
      softWalBytes: 20_000,
    })
    const reader = new Database(copy)
    for (let i = 0; i < 30; i++) {
      replica.apply(leader.run(`INSERT INTO t VALUES (${i + 10}, 1, hex(randomblob(500)))`))
      reader.prepare('SELECT count(*) FROM t').get()
      if (i === 12) reader.pragma('wal_checkpoint(TRUNCATE)')
      await new Promise(setImmediate)
    }
    reader.close()
    expect(events.map(({ kind }) => kind)).toContain('checkpointed')
    expect(events.map(({ kind }) => kind)).not.toContain('written')
    write(copy, 'UPDATE t SET a = 0 WHERE id = 3')
    replica.apply(leader.run('DELETE FROM t WHERE id = 2'))
    expect(events.at(-1)).toEqual({ kind: 'written', transactions: 1 })
    write(copy, 'CREATE TRIGGER g AFTER DELETE ON t BEGIN DELETE FROM t; END')
    replica.apply(leader.run('DELETE FROM t WHERE id = 1'))
    expect(contentOf(copy).tables['t']!.length).toBe(31)
    await replica.close()
    leader.close()
  }))

test('a copy is followed by pages or by rows, and not by the other', () =>
  inFolder(async (folder) => {
    const { leader, replica } = await newPair(folder, TABLE)
    await expect(openRows(folder)).rejects.toMatchObject({ code: 'ALREADY_OPEN' })
    await replica.close()
    await expect(open(folder)).rejects.toMatchObject({ code: 'WRONG_COPY_KIND' })
    await expect(open(folder, { adopt: true })).rejects.toMatchObject({ code: 'WRONG_COPY_KIND' })
    const database = join(folder, 'physical.db')
    const physical = await open(folder, { database })
    const pages = new TestLeader(join(folder, 'pages.db'))
    pages.run('CREATE TABLE t (a)')
    await takeSnapshot(pages, physical)
    pages.close()
    await physical.close()
    await expect(openRows(folder, { database })).rejects.toMatchObject({ code: 'WRONG_COPY_KIND' })
    const stranger = join(folder, 'stranger.db')
    write(stranger, 'PRAGMA journal_mode = WAL; CREATE TABLE t (a)')
    await expect(openRows(folder, { database: stranger })).rejects.toMatchObject({ code: 'NOT_A_REPLICA' })
    const again = await openRows(folder)
    await again.close()
    leader.close()
  }))

test('a new snapshot takes the place of the copy: only what differs is sent, and readers go on', () =>
  inFolder(async (folder) => {
    const big =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO big SELECT printf('%.*c', 400, 'x') FROM n"
    const { leader, replica, copy, source } = await newPair(folder, `${TABLE}; CREATE TABLE big (x); ${big}`)
    replica.apply(leader.run("INSERT INTO big VALUES ('more')"))
    const reader = new Database(copy, { readonly: true })
    reader.exec('BEGIN')
    const before = reader.prepare('SELECT * FROM t').all()
    leader.run('CREATE TABLE u (a); INSERT INTO u VALUES (1); UPDATE t SET a = 99; PRAGMA user_version = 9')
    const still = leader.still()
    const sent = await takeSnapshot(still, replica)
    expect(sent).toBeLessThan(still.pageCount / 3)
    expect(reader.prepare('SELECT * FROM t').all()).toEqual(before)
    reader.exec('COMMIT')
    expect(reader.prepare('SELECT a FROM u').pluck().all()).toEqual([1])
    reader.close()
    expect(contentOf(copy)).toEqual(contentOf(source))
    replica.apply(leader.run('DELETE FROM u'))
    expect(contentOf(copy)).toEqual(contentOf(source))
    expect(existsSync(`${copy}-stemma-staging`)).toBe(false)
    await replica.close()
    leader.close()
  }))

const MUCH = `
  CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT UNIQUE, s AS (a || '!') STORED, v AS (id * 2));
  CREATE TABLE w (k TEXT COLLATE NOCASE, l, a, PRIMARY KEY (k, l)) WITHOUT ROWID;
  CREATE TABLE plain (a);
  CREATE INDEX i ON t (s) WHERE v > 2;
  CREATE VIEW view_one AS SELECT * FROM t;
  CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO plain VALUES (new.a); END;
  CREATE VIRTUAL TABLE f USING fts5(x);
  INSERT INTO t (a) VALUES ('ä'), ('b'), (printf('%.*c', 5000, 'x'));
  INSERT INTO w VALUES ('Ü', 1, 2.5), ('b', 2, x'00ff');
  INSERT INTO plain (rowid, a) VALUES (100, 1.0), (50, '50');
  INSERT INTO f VALUES ('the quick brown fox'), ('lazy dogs');
  DELETE FROM t WHERE a = 'b';
  ANALYZE; PRAGMA user_version = 3; PRAGMA application_id = 4
`

test.each([
  { from: 'utf-8', pageSize: 8192, encoding: undefined },
  { from: 'utf-8', pageSize: 512, encoding: 'utf-16le' },
  { from: 'utf-8', pageSize: undefined, encoding: 'utf-16be' },
  { from: 'utf-16le', pageSize: 4096, encoding: 'utf-8' },
  { from: 'utf-16be', pageSize: undefined, encoding: 'utf-16le' },
] as const)('a copy has its own pages and encoding: $from to $encoding, pages of $pageSize', ({ from, pageSize, encoding }) =>
  inFolder(async (folder) => {
    const options = { ...(pageSize !== undefined && { pageSize }), ...(encoding !== undefined && { encoding }) }
    const { leader, replica, copy, source } = await newPair(folder, MUCH, {
      ...options,
      leader: { encoding: from, autoVacuum: 'full' },
    })
    const reader = new Database(copy, { readonly: true })
    expect(reader.pragma('page_size', { simple: true })).toBe(pageSize ?? leader.pageSize)
    expect((reader.pragma('encoding', { simple: true }) as string).toLowerCase()).toBe(encoding ?? from)
    expect(reader.pragma('auto_vacuum', { simple: true })).toBe(1)
    const same = (): void => expect(textless(contentOf(copy))).toEqual(textless(contentOf(source)))
    same()
    expect(reader.prepare("SELECT rowid FROM f WHERE f MATCH 'quick'").pluck().all()).toEqual([1])
    replica.apply(
      leader.run("INSERT INTO t (a) VALUES ('😀'); UPDATE w SET a = k WHERE l = 1; INSERT INTO f VALUES ('quick again')"),
    )
    same()
    expect(reader.prepare("SELECT rowid FROM f WHERE f MATCH 'quick'").pluck().all()).toEqual([1, 3])
    replica.apply(
      leader.run("UPDATE t SET a = 'ö' WHERE a = '😀'; DELETE FROM w WHERE k = 'ü'; ALTER TABLE t ADD COLUMN z DEFAULT 'ß'"),
    )
    same()
    leader.run('CREATE TABLE more (a UNIQUE); INSERT INTO more VALUES (1)')
    await takeSnapshot(leader.still(), replica)
    same()
    reader.close()
    await replica.close()
    await expect(openRows(folder, { pageSize: 65536 })).rejects.toMatchObject({
      code: 'PAGE_SIZE_MISMATCH',
    })
    leader.close()
  }),
)

test('a snapshot that is broken off is gone on with', () =>
  inFolder(async (folder) => {
    const leader = new RowLeader(join(folder, 'leader.db'))
    leader.run(`${TABLE}; CREATE TABLE big (x); INSERT INTO big VALUES (zeroblob(50000)), (randomblob(50000))`)
    const first = await openRows(folder)
    const still = leader.still()
    const staging = await first.stage(still.snapshot)
    staging.write({
      first: 1,
      count: 30,
      leftOut: new Uint8Array(4),
      bytes: Buffer.concat([...still.pages.values()].slice(0, 30)),
    })
    await first.close()
    const second = await openRows(folder)
    const sent = await takeSnapshot(still, second)
    expect(sent).toBeLessThanOrEqual(still.pageCount - 30 + 1)
    expect(contentOf(second.database)).toEqual(contentOf(join(folder, 'leader.db')))
    await second.close()
    leader.close()
  }))

/** Text as characters: two encodings can't have the same bytes. Sorted anew, since the bytes decide the order. */
function textless(content: ReturnType<typeof contentOf>): unknown {
  const tables = Object.entries(content.tables).map(([name, rows]) => [
    name,
    rows.map((row) => row.replaceAll(/text:\S*/g, 'text')).sort(),
  ])
  return { ...content, tables }
}

function write(path: string, sql: string): void {
  const other = new Database(path)
  other.exec(sql)
  other.close()
}
