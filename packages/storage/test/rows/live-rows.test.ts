import { spawnSync } from 'node:child_process'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { nodeDisk, type Disk } from '../../src/disk/disk.ts'
import { makeTables, runStep, stepArbitrary, type Step } from '../../src/source/testing/workload.ts'
import { inFolder } from '../replica/follow.ts'
import { followRows, type FollowedRows } from './follow-rows.ts'

interface Setting {
  readonly path: string
  readonly database: Database.Database
  readonly followed: FollowedRows
  /** Runs statements one by one, each a commit unless it says otherwise. */
  run(...statements: string[]): void
}

/** Follows a new database by its rows while a test writes to it. */
async function following(
  schema: string,
  options: Parameters<typeof followRows>[2],
  test: (setting: Setting) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const path = join(folder, 'live.db')
    const database = new Database(path, { timeout: 0 })
    try {
      database.exec(`PRAGMA page_size = 1024; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; ${schema}`)
      await using followed = await followRows(path, database, options)
      const run = (...statements: string[]): void => {
        for (const statement of statements) {
          database.exec(statement)
          followed.committed()
        }
      }
      await test({ path, database, followed, run })
    } finally {
      database.close()
    }
  })
}

test('each commit tells its rows', () =>
  following(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a); CREATE TABLE k (a, b, PRIMARY KEY (a)) WITHOUT ROWID',
    {},
    async ({ run, followed }) => {
      run("INSERT INTO t VALUES (1, 'one')", "INSERT INTO t VALUES (-5, x'00'), (9, 1.5)", "UPDATE t SET a = 'two' WHERE id = 1")
      run(
        "INSERT INTO k VALUES ('x', 1), ('y', 2)",
        'DELETE FROM t WHERE id = 9',
        'UPDATE t SET id = 7 WHERE id = 1',
        'DELETE FROM k',
      )
      await followed.caughtUp()
      const wanted =
        'insert t 1; insert t -5; insert t 9; update t 1; insert k 0; insert k 0; delete t 9; delete t 1; insert t 7; delete k 0; delete k 0'
      expect(followed.told.join('; ')).toBe(wanted)
      expect(followed.unknown).toEqual([])
      expect(followed.source.stats()).toMatchObject({ rowsBegun: 1, commits: 7 })
    },
  ))

test('a workload of any kind is told commit by commit', { timeout: 60_000 }, async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
  console.info(`seed ${seed}`)
  const options = fc.record({
    pageSize: fc.constantFrom(512, 1024, 4096, 65_536),
    autoVacuum: fc.nat(2),
    cacheSize: fc.constantFrom(5, 2000),
    ringBytes: fc.constantFrom(1, 8 * 1024 * 1024),
    softWalBytes: fc.constantFrom(60_000, 16 * 1024 * 1024),
    lookEvery: fc.constantFrom(1, 3, 10),
    steps: fc.array(stepArbitrary, { minLength: 5, maxLength: 40 }),
  })
  await fc.assert(
    fc.asyncProperty(options, async ({ steps, lookEvery, pageSize, autoVacuum, cacheSize, ...rest }) => {
      await inFolder(async (folder) => {
        const path = join(folder, 'live.db')
        const database = new Database(path, { timeout: 0 })
        try {
          database.exec(
            `PRAGMA page_size = ${pageSize}; PRAGMA auto_vacuum = ${autoVacuum}; PRAGMA cache_size = ${cacheSize}; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF`,
          )
          makeTables(database)
          await using followed = await followRows(path, database, rest)
          for (const [i, step] of steps.entries()) {
            runStep(database, step as Step)
            if (i % lookEvery === 0) await followed.caughtUp()
          }
          await followed.caughtUp()
          // In a window a WAL that begins anew may overtake us: this thread is the writer's.
          const mayMiss = followed.source.stats().windows > 0
          expect(followed.unknown.filter(() => !mayMiss)).toEqual([])
          if (!mayMiss) expect(followed.source.stats().rowsBegun).toBe(1)
        } finally {
          database.close()
        }
      })
    }),
    { seed, numRuns: 30 },
  )
})

test('migrations are told in the commits that they happen in', () =>
  following(
    "CREATE TABLE user (id INTEGER PRIMARY KEY, name TEXT, age); INSERT INTO user VALUES (1, 'a', 1), (2, 'b', 2)",
    {},
    async ({ run, followed }) => {
      run('CREATE TABLE note (user, text)', 'CREATE INDEX note_user ON note (user)', "INSERT INTO note VALUES (1, 'hello')")
      run(
        'ALTER TABLE user ADD COLUMN score REAL DEFAULT 5',
        'UPDATE user SET score = 7 WHERE id = 1',
        'ALTER TABLE user RENAME COLUMN name TO nick',
      )
      run('ALTER TABLE user DROP COLUMN age', 'ALTER TABLE user RENAME TO person', "INSERT INTO person VALUES (3, 'c', 1e300)")
      run(
        "BEGIN; CREATE TABLE p2 (id INTEGER PRIMARY KEY, nick TEXT NOT NULL, score, born DEFAULT 'x'); INSERT INTO p2 (id, nick, score) SELECT * FROM person; DROP TABLE person; ALTER TABLE p2 RENAME TO person; COMMIT",
      )
      run(
        'CREATE VIEW old AS SELECT * FROM person',
        'CREATE TRIGGER log AFTER INSERT ON person BEGIN INSERT INTO note VALUES (new.id, new.nick); END',
      )
      run(
        "INSERT INTO person (nick) VALUES ('d')",
        'DROP TRIGGER log',
        'DROP VIEW old',
        'DROP INDEX note_user',
        'CREATE UNIQUE INDEX u ON person (nick)',
      )
      run(
        'PRAGMA user_version = 12',
        'PRAGMA application_id = -3',
        'DROP TABLE note',
        'CREATE TABLE note AS SELECT * FROM person',
        'ANALYZE',
        'VACUUM',
      )
      run(
        'BEGIN; ALTER TABLE person RENAME TO x; ALTER TABLE note RENAME TO person; ALTER TABLE x RENAME TO note; COMMIT',
        "UPDATE person SET nick = 'same'",
      )
      await followed.caughtUp()
      expect(followed.unknown).toEqual([])
      expect(followed.source.stats().rowsBegun).toBe(1)
    },
  ))

test.each([
  [
    'FTS5',
    'CREATE VIRTUAL TABLE doc USING fts5 (a, b)',
    "INSERT INTO doc VALUES ('some words', hex(randomblob(200)))",
    'UPDATE doc SET a = a || 1',
    'DELETE FROM doc WHERE rowid % 3 = 0',
    "INSERT INTO doc (doc) VALUES ('optimize')",
  ],
  [
    'R-Tree',
    'CREATE VIRTUAL TABLE box USING rtree (id, x0, x1)',
    'INSERT INTO box VALUES (NULL, abs(random() % 100), 101)',
    'UPDATE box SET x0 = x0 + 1',
    'DELETE FROM box WHERE id % 3 = 0',
  ],
])('shadow tables of %s are told as what they are', (_name, create, insert, ...others) =>
  following(create, {}, async ({ run, followed }) => {
    for (let i = 0; i < 30; i++) run(insert)
    run(...others, create.replace(/(doc|box)/, 'second'), 'DROP TABLE second')
    await followed.caughtUp()
    expect(followed.unknown).toEqual([])
  }),
)

test.each([
  [
    'AUTOINCREMENT',
    'CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a)',
    'INSERT INTO t (a) VALUES (randomblob(30)), (2)',
    'DELETE FROM t WHERE id % 2',
  ],
  [
    'WITHOUT ROWID with large rows',
    'CREATE TABLE t (k TEXT PRIMARY KEY, a) WITHOUT ROWID',
    'INSERT INTO t VALUES (hex(randomblob(8)), randomblob(600))',
    'UPDATE t SET a = randomblob(3000)',
    'DELETE FROM t WHERE k > 8',
  ],
  [
    'overflow pages overwritten in place',
    'CREATE TABLE t (a)',
    'INSERT INTO t VALUES (zeroblob(5000))',
    'UPDATE t SET a = randomblob(5000)',
    'UPDATE t SET a = zeroblob(5000) WHERE rowid = 3',
  ],
  [
    'generated columns',
    'CREATE TABLE t (a, v AS (a + 1), s AS (a * 2) STORED)',
    'INSERT INTO t VALUES (7.5)',
    'UPDATE t SET a = 4',
  ],
  [
    'extreme rowids',
    'CREATE TABLE t (a)',
    'INSERT INTO t (rowid, a) VALUES ((SELECT coalesce(min(rowid), 9223372036854775807) - 1 FROM t), 1)',
    'UPDATE t SET rowid = -rowid',
    'INSERT INTO t (rowid) VALUES (-9223372036854775808)',
  ],
  [
    'secure_delete and incremental vacuum',
    'PRAGMA auto_vacuum = 2; VACUUM; PRAGMA secure_delete = 1; CREATE TABLE t (a)',
    'INSERT INTO t VALUES (randomblob(700))',
    'DELETE FROM t WHERE rowid % 2',
    'PRAGMA incremental_vacuum(3)',
  ],
  [
    'UTF-16',
    "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (a TEXT PRIMARY KEY, b DEFAULT 'ä') WITHOUT ROWID",
    'INSERT INTO t (a) VALUES (hex(randomblob(20)))',
    "UPDATE t SET b = 'é' || a",
    "ALTER TABLE t ADD COLUMN c DEFAULT '€'",
    'DELETE FROM t',
  ],
])('%s', (_title, create, insert, ...others) =>
  following(create, {}, async ({ run, followed }) => {
    for (let i = 0; i < 40; i++) run(insert)
    run(...others)
    await followed.caughtUp()
    expect(followed.unknown).toEqual([])
  }),
)

test("Stemma's own tables are not told", () =>
  following('CREATE TABLE _stemma_copy (a UNIQUE); CREATE TABLE t (a)', {}, async ({ run, followed }) => {
    run(
      'INSERT INTO _stemma_copy VALUES (1)',
      'INSERT INTO t VALUES (1)',
      'CREATE TABLE _Stemma_x (a)',
      'CREATE INDEX own ON _stemma_copy (a)',
      'DROP TABLE _stemma_copy',
    )
    await followed.caughtUp()
    expect(followed.told).toEqual(['insert t 1'])
    expect(followed.commits).toBe(5)
  }))

test.each(['PASSIVE', 'FULL', 'RESTART', 'TRUNCATE'])('%s checkpoints of others do not matter', (mode) =>
  following('CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)', {}, async ({ path, run, followed }) => {
    const other = new Database(path, { timeout: 0 })
    for (let i = 0; i < 60; i++) {
      run('INSERT INTO t (a) VALUES (hex(randomblob(100)))', 'UPDATE t SET a = a || 1 WHERE id % 7 = 0')
      if (i % 9 === 0) other.pragma(`wal_checkpoint(${mode})`)
      if (i % 5 === 0) await followed.caughtUp()
    }
    other.close()
    await followed.caughtUp()
    expect(followed.unknown).toEqual([])
  }),
)

test('the WAL begins anew many times, and rows are told through all of it', () =>
  following('CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)', { softWalBytes: 40_000 }, async ({ run, followed }) => {
    for (let i = 0; i < 300; i++) {
      run('INSERT INTO t (a) VALUES (hex(randomblob(200)))')
      if (i % 3 === 0) await followed.caughtUp()
    }
    await followed.caughtUp()
    expect(followed.source.stats().restarts).toBeGreaterThan(2)
    expect(followed.unknown).toEqual([])
  }))

test.skipIf(spawnSync('sqlite3', ['-version']).status !== 0)('another program writes and checkpoints', () =>
  following('CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)', {}, async ({ path, followed }) => {
    for (let i = 0; i < 8; i++) {
      const sql = `INSERT INTO t (a) VALUES (hex(randomblob(300))); UPDATE t SET a = ${i} WHERE id % 3 = 0; PRAGMA wal_checkpoint(TRUNCATE); DELETE FROM t WHERE id % 5 = 0;`
      expect(spawnSync('sqlite3', [path, sql]).status).toBe(0)
      await followed.caughtUp()
    }
    expect(followed.unknown).toEqual([])
    expect(followed.commits).toBeGreaterThanOrEqual(8 * 2)
  }),
)

test('a transaction that is larger than the memory for frames is told', () =>
  following(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a BLOB); CREATE INDEX i ON t (a)',
    { ringBytes: 1 },
    async ({ run, followed }) => {
      const many =
        'WITH RECURSIVE n (v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n WHERE v < 4000) INSERT INTO t (a) SELECT randomblob(50) FROM n'
      run(many, 'UPDATE t SET a = randomblob(60)', 'DELETE FROM t WHERE id % 3', 'VACUUM', 'DELETE FROM t')
      await followed.caughtUp()
      expect(followed.unknown).toEqual([])
    },
  ))

test('commits that are too large, or that stand for what nobody saw, are unknown; those after them are told', () =>
  following(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a BLOB)',
    { commitBytesMax: 50_000 },
    async ({ run, followed, database, path }) => {
      run('INSERT INTO t (a) VALUES (1)', 'INSERT INTO t (a) VALUES (randomblob(80000))')
      await followed.caughtUp()
      run('INSERT INTO t (a) VALUES (2)')
      await followed.caughtUp()
      expect(followed.told).toEqual(['insert t 1', 'insert t 3'])
      expect(followed.unknown.join()).toMatch(/commit 1:2 .* wrote \d+ pages/)
      await followed.source.close()
      for (let i = 0; i < 3; i++) {
        database.pragma('wal_checkpoint(TRUNCATE)')
        database.exec('UPDATE t SET a = a + 1')
      }
      await using second = await followRows(path, database, { log: followed.log })
      expect(second.unknown.join()).toMatch(/commit 1:4 .* nobody saw/)
      database.exec('DELETE FROM t WHERE id = 1')
      second.committed()
      await second.caughtUp()
      expect([second.told, second.unknown.length]).toEqual([['delete t 1'], 1])
    },
  ))

test('a source that goes on where it stopped tells rows of what happened meanwhile', () =>
  following('CREATE TABLE t (id INTEGER PRIMARY KEY, a BLOB)', {}, async ({ run, followed, database, path }) => {
    run('INSERT INTO t (a) VALUES (1)')
    await followed.caughtUp()
    await followed.source.close()
    database.exec('INSERT INTO t (a) VALUES (2); ALTER TABLE t ADD COLUMN b; UPDATE t SET b = 7')
    await using second = await followRows(path, database, { log: followed.log })
    await second.caughtUp()
    expect([second.told, second.unknown]).toEqual([['insert t 2', 'update t 1', 'update t 2'], []])
  }))

test('pages that are not what they must be make rows unknown, and never wrong', async () => {
  let isDamaged = false
  const disk: Disk = {
    ...nodeDisk,
    read(fd, into, offset) {
      const done = nodeDisk.read(fd, into, offset)
      // A page of the database file: frames of the WAL begin elsewhere.
      if (isDamaged && into.byteLength === 1024 && offset % 1024 === 0) into[500]! ^= 1
      return done
    },
  }
  const schema =
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, zeroblob(9000)), (2, zeroblob(9000)), (3, 4); PRAGMA wal_checkpoint(TRUNCATE)'
  await following(schema, { disk }, async ({ run, followed }) => {
    isDamaged = true
    // Overflow pages that were only freed are not written: they have to be read as they were.
    run('DELETE FROM t WHERE id = 1', 'INSERT INTO t VALUES (9, 9)')
    followed.source.wake()
    isDamaged = false
    run('DELETE FROM t WHERE id = 2')
    await followed.caughtUp()
    expect(followed.unknown.join()).toMatch(/commit 1:1 are unknown: page \d+ can not be known any more/)
    expect(followed.told.at(-1)).toBe('delete t 2')
    expect(followed.source.place.position.sequence).toBe(3)
  })
})

test('nothing is done for rows that nobody asked for', () =>
  following('CREATE TABLE t (a)', { views: ['pages'] }, async ({ run, followed }) => {
    run('INSERT INTO t VALUES (1)')
    await followed.caughtUp()
    expect(followed.unknown.join()).toMatch(/not asked/)
    expect(followed.source.stats()).toMatchObject({ rowsBegun: 0, rowsMapBytes: 0 })
  }))

test('the map takes 8 bytes for each page of the database at most', () =>
  following('CREATE TABLE t (id INTEGER PRIMARY KEY, a BLOB)', {}, async ({ run, followed }) => {
    for (let i = 0; i < 20; i++) run('INSERT INTO t (a) VALUES (zeroblob(200000)), (randomblob(300))')
    run('UPDATE t SET a = randomblob(200000) WHERE id = 9')
    await followed.caughtUp()
    const { place } = followed.source
    expect(place.pageCount).toBeGreaterThan(3000)
    expect(followed.source.stats().rowsMapBytes).toBeLessThanOrEqual(8 * (place.pageCount + 1) * 1.125)
    expect(followed.unknown).toEqual([])
  }))
