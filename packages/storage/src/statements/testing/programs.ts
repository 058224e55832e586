import type Database from 'better-sqlite3'
import fc from 'fast-check'

/** One thing that a program does with its database; what the numbers mean is its own. */
export interface ProgramStep {
  readonly kind: keyof typeof STEPS
  readonly a: number
  readonly b: number
}

export const PROGRAM_SCHEMA = `PRAGMA journal_mode = WAL;
  CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE, b CHECK (b <> 13));
  CREATE TABLE p (id INTEGER PRIMARY KEY);
  CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
  CREATE TABLE l (id INTEGER PRIMARY KEY AUTOINCREMENT, what);
  CREATE TRIGGER g AFTER UPDATE ON t BEGIN INSERT INTO l (what) VALUES (old.b || '>' || new.b); END;
  CREATE TRIGGER h BEFORE DELETE ON t WHEN old.b = 11 BEGIN SELECT RAISE(ROLLBACK, 'not 11'); END;
  CREATE TRIGGER i BEFORE DELETE ON t WHEN old.b = 12 BEGIN INSERT INTO l (what) VALUES ('left'); SELECT RAISE(FAIL, 'not 12'); END;
  INSERT INTO p VALUES (1), (2), (3);`

const OR = ['', ' OR ABORT', ' OR IGNORE', ' OR REPLACE', ' OR FAIL', ' OR ROLLBACK']
const NAMES = ['s', '"S"', '[two words]', '`\tx`']

type Run = (database: Database.Database, a: number, b: number) => unknown

const STEPS = {
  insert: (db, a, b) => db.prepare(`INSERT${OR[b % 6]} INTO t (a, b) VALUES (?, ?)`).run(a, BigInt(b)),
  several: (db, a, b) => db.prepare(`INSERT${OR[a % 6]} INTO t (a, b) VALUES (:a, :b), (:b, 1), (:a || 'x', 13)`).run({ a, b }),
  returning: (db, a, b) => db.prepare('INSERT INTO t (a, b) VALUES (?, ?), (? + 100, 1) RETURNING id, a').get(a, b, a),
  'all returning': (db, a, b) => db.prepare('UPDATE t SET b = ? WHERE a = ? RETURNING id').raw().all(b, a),
  iterate: (db, a, b) => {
    const rows: unknown[] = []
    for (const row of db.prepare('INSERT INTO t (a, b) VALUES (?, 1), (?, 2), (?, 3) RETURNING id').iterate(a, a + 50, b + 90)) {
      rows.push(row)
      if (b % 3 === 0) break
    }
    return rows
  },
  update: (db, a, b) => db.prepare(`UPDATE${OR[b % 6]} t SET a = ?, b = ? WHERE id = ?`).run(b, a, (a % 9) + 1),
  same: (db, a) => db.prepare('UPDATE t SET b = b WHERE id = ?').run(a),
  delete: (db, a) => db.prepare('DELETE FROM t WHERE id = ?').run(a),
  'delete by exec': (db, a) => void db.exec(`DELETE FROM t WHERE id = ${a}`),
  upsert: (db, a, b) => db.prepare('INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET b = excluded.b').run(a, b),
  child: (db, a) => db.prepare('INSERT INTO c (p) VALUES (?)').run(a % 5),
  parent: (db, a) =>
    db.prepare(`${a % 2 === 0 ? 'INSERT OR IGNORE INTO p VALUES (?)' : 'DELETE FROM p WHERE id = ?'}`).run(a % 5),
  begin: (db, a) => void db.exec(['BEGIN', 'BEGIN IMMEDIATE', 'begin transaction -- x'][a % 3]!),
  commit: (db, a) => void db.exec(['COMMIT', 'END', ' /* ; */ commit;'][a % 3]!),
  rollback: (db) => db.prepare('ROLLBACK').run(),
  savepoint: (db, a) => void db.exec(`SAVEPOINT ${NAMES[a % 4]}`),
  release: (db, a) => db.prepare(`RELEASE SAVEPOINT ${NAMES[a % 4]}`).run(),
  'rollback to': (db, a) => void db.exec(`ROLLBACK TO ${NAMES[a % 4]}`),
  script: (db, a, b) =>
    void db.exec(`INSERT INTO t (a, b) VALUES (${a}, ${b}); BEGIN; UPDATE t SET b = ${a} WHERE id = ${b}; SAVEPOINT s; DELETE FROM t WHERE id = ${a};
      ${b % 3 === 0 ? 'ROLLBACK TO s;' : ''} ${a % 5 === 0 ? 'nonsense' : 'COMMIT'}`),
  transaction: (db, a, b) =>
    db.transaction(() => {
      db.prepare('INSERT INTO l (what) VALUES (?)').run(a)
      try {
        db.transaction(() => {
          db.prepare('INSERT INTO t (a, b) VALUES (?, ?)').run(a, b)
          if (b % 3 === 0) throw new Error('inner')
        })()
      } catch {
        db.prepare('INSERT INTO l (what) VALUES (?)').run('inner failed')
      }
      if (b % 5 === 0) throw new Error('outer')
    })(),
  'new table': (db, a) => void db.exec(`CREATE TABLE n${a % 3} (x); INSERT INTO n${a % 3} VALUES (${a})`),
  'old table': (db, a) => db.prepare(`DROP TABLE IF EXISTS n${a % 3}`).run(),
  'new column': (db, a, b) => void db.exec(`ALTER TABLE n${a % 3} ADD COLUMN y${b % 4} DEFAULT ${b}`),
  temp: (db, a) => void db.exec(`CREATE TEMP TABLE IF NOT EXISTS z (x); INSERT INTO z VALUES (${a}), (2)`),
  setting: (db, a) =>
    db.pragma(
      [
        'recursive_triggers = 1',
        'recursive_triggers = 0',
        'foreign_keys = 0',
        'foreign_keys = 1',
        'defer_foreign_keys = 1',
        'ignore_check_constraints = 1',
        'ignore_check_constraints = 0',
      ][a % 7]!,
    ),
  header: (db, a) => db.pragma(`user_version = ${a}`),
  read: (db, a) => db.prepare('SELECT id, b FROM t WHERE id > ?').all(a),
  counters: (db) => db.prepare('SELECT changes(), last_insert_rowid(), total_changes()').get(),
} satisfies Record<string, Run>

const OFTEN: readonly ProgramStep['kind'][] = [
  'insert',
  'several',
  'update',
  'begin',
  'commit',
  'savepoint',
  'rollback to',
  'transaction',
]

export const programArbitrary: fc.Arbitrary<readonly ProgramStep[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(...(Object.keys(STEPS) as ProgramStep['kind'][]), ...OFTEN, ...OFTEN),
    a: fc.nat(20),
    b: fc.nat(20),
  }),
  { minLength: 5, maxLength: 60 },
)

/** Does a step; gives what came of it, errors by name, code and message. */
export function runProgramStep(database: Database.Database, { kind, a, b }: ProgramStep): unknown {
  try {
    return (STEPS[kind] as Run)(database, a, b)
  } catch (error) {
    const { name, message, code } = error as Error & { readonly code?: unknown }
    return { name, message, code }
  }
}

/** All rows and the schema of the main database. */
export function dumpOf(database: Database.Database): unknown {
  const schema = database.prepare('SELECT type, name, sql FROM main.sqlite_schema ORDER BY rowid').all() as {
    readonly type: string
    readonly name: string
  }[]
  const rows = schema
    .filter(({ type }) => type === 'table')
    .map(({ name }) => [name, database.prepare(`SELECT rowid, * FROM main."${name}" ORDER BY rowid`).raw().all()])
  return [schema, rows, database.pragma('user_version', { simple: true })]
}
