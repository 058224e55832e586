import type Database from 'better-sqlite3'
import fc from 'fast-check'
import type { PlainRecorder } from './plain-recorder.ts'

/** What a program that is recorded does, and others that are not. Every value that is written names who wrote it. */
export interface Work {
  readonly kind:
    | 'insert'
    | 'same'
    | 'nothing'
    | 'delete'
    | 'fails'
    | 'alter'
    | 'transaction'
    | 'rolled-back'
    | 'savepoint'
    | 'checkpoint'
  /** Which of its kind: how large, which row, which checkpoint. */
  readonly n: number
}

const KINDS = [
  'insert',
  'insert',
  'insert',
  'same',
  'nothing',
  'delete',
  'fails',
  'alter',
  'transaction',
  'transaction',
  'rolled-back',
  'savepoint',
  'checkpoint',
] as const

export const workArbitrary: fc.Arbitrary<Work> = fc.record({ kind: fc.constantFrom(...KINDS), n: fc.nat(1000) })

/** The same work for the same seed. */
export function workOf(seed: number, count: number): Work[] {
  return fc.sample(workArbitrary, { seed, numRuns: count })
}

export const SCHEMA = 'CREATE TABLE t (id INTEGER PRIMARY KEY, who TEXT, v); CREATE TABLE w (who TEXT)'

/** How each writer runs a statement that has been told who runs it, and transactions. */
export interface Writer {
  run(sql: string, ...placed: (string | bigint)[]): void
  begin(): void
  savepoint(): void
  rollbackTo(): void
  commit(): void
  rollback(): void
}

/** A writer that nobody records. */
export function strangerOn(database: Database.Database): Writer {
  return {
    run: (sql, ...placed) => void database.prepare(sql).run(...placed),
    begin: () => void database.exec('BEGIN IMMEDIATE'),
    savepoint: () => void database.exec('SAVEPOINT s'),
    rollbackTo: () => void database.exec('ROLLBACK TO s; RELEASE s'),
    commit: () => void database.exec('COMMIT'),
    rollback: () => void database.exec('ROLLBACK'),
  }
}

/** A writer that is recorded. */
export function programOn(recorder: PlainRecorder): Writer {
  return {
    run: (sql, ...placed) => recorder.run(sql, ...placed),
    begin: () => recorder.begin('IMMEDIATE'),
    savepoint: () => recorder.savepoint(),
    rollbackTo: () => recorder.rollbackTo(),
    commit: () => recorder.commit(),
    rollback: () => recorder.rollback(),
  }
}

/** Does one piece of work. */
export function doWork(database: Database.Database, writer: Writer, { kind, n }: Work, who: string): void {
  const insert = (suffix = ''): void =>
    writer.run(`INSERT INTO t (who, v) VALUES (?, 'v${'x'.repeat((n % 7) * 100)}')`, `${who}${suffix}`)
  switch (kind) {
    case 'insert':
      return insert()
    case 'same':
      return writer.run('UPDATE t SET v = v WHERE ? <> who AND id % 5 = ?', who, BigInt(n % 5))
    case 'nothing':
      return writer.run('UPDATE t SET v = v WHERE who = ? AND 0', who)
    case 'delete':
      return writer.run('DELETE FROM t WHERE who <> ? AND id % 13 = ?', who, BigInt(n % 13))
    case 'fails':
      try {
        writer.run('INSERT INTO t (who, id) SELECT ?, 1 UNION ALL SELECT ?, 1', who, who)
      } catch {
        // As it should.
      }
      return
    case 'alter':
      if (database.prepare("SELECT 1 FROM pragma_table_info('w') WHERE name = ?").get(who) !== undefined) return
      return writer.run(`ALTER TABLE w ADD COLUMN "${who}"`)
    case 'transaction':
      writer.begin()
      for (let i = 0; i <= n % 4; i++) insert(`.${i}`)
      writer.run('UPDATE t SET v = ? WHERE id % 7 = ?', `${who}.v`, BigInt(n % 7))
      return writer.commit()
    case 'rolled-back':
      writer.begin()
      insert('.lost')
      return writer.rollback()
    case 'savepoint':
      writer.begin()
      if (n % 2 === 0) insert('.kept')
      writer.savepoint()
      insert('.lost')
      writer.rollbackTo()
      if (n % 3 === 0) insert('.kept2')
      return writer.commit()
    case 'checkpoint': {
      // Who follows the database reads it all the while, which is not to be waited for.
      const timeout = database.pragma('busy_timeout', { simple: true }) as number
      database.pragma('busy_timeout = 0')
      database.pragma(`wal_checkpoint(${['PASSIVE', 'RESTART', 'TRUNCATE'][n % 3]})`)
      database.pragma(`busy_timeout = ${timeout}`)
    }
  }
}
