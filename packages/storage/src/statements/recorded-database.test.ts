import { afterEach, describe, expect, test } from 'vitest'
import type { StatementPolicy } from './judged-statements.ts'
import { fakeJudge } from './testing/fake-judge.ts'
import { type RecordedWorld, openRecordedWorld } from './testing/recorded-world.ts'

let world: RecordedWorld | undefined
afterEach(() => world?.close())

function open(...options: Parameters<typeof openRecordedWorld>): RecordedWorld {
  world = openRecordedWorld(...options)
  return world
}

describe('by which schema it is judged', () => {
  test('the cookie from before the transaction, as our own changes move it', () => {
    const { database, sink } = open()
    const cookie = (): unknown => database.pragma('schema_version', { simple: true })
    const first = cookie()
    database.exec(
      'BEGIN; INSERT INTO p VALUES (1); CREATE TABLE n (a); INSERT INTO n VALUES (1); COMMIT; INSERT INTO n VALUES (2)',
    )
    expect(sink.committedOnes.map(({ schemaVersion }) => schemaVersion)).toEqual([first, cookie()])
    database.exec('BEGIN; CREATE TABLE m (a); ROLLBACK; INSERT INTO n VALUES (2)')
    expect(sink.committedOnes.at(-1)?.schemaVersion).toBe(cookie())
  })

  test('a change by others is believed when the sink brings the news', () => {
    const { database, sink, openOther } = open()
    database.exec('INSERT INTO p VALUES (1)')
    const other = openOther()
    other.exec('CREATE TABLE n (a)')
    const news = other.pragma('schema_version', { simple: true }) as number
    database.exec('INSERT INTO p VALUES (2)')
    sink.news = news
    database.exec('INSERT INTO p VALUES (3)')
    expect(sink.committedOnes.map(({ schemaVersion }) => schemaVersion)).toEqual([news - 1, news - 1, news])
  })

  test('a statement is judged once for each schema, setting and function', () => {
    const seen: { sql: string; edition: number }[] = []
    const { database } = open('mixed', { openJudge: fakeJudge(seen) })
    const statement = database.prepare('DELETE FROM t')
    const runs: [() => unknown, number][] = [
      [() => {}, 1],
      [() => database.prepare('INSERT INTO p VALUES (1)').run(), 1],
      [() => database.exec('CREATE TABLE n (a)'), 2],
      [() => database.exec('BEGIN; DROP TABLE n; ROLLBACK'), 3],
      [() => database.pragma('recursive_triggers = 1'), 4],
      [() => database.function('f', () => 1), 5],
      [() => database.exec('CREATE TEMP TABLE s (a)'), 6],
      [() => database.exec('BEGIN; INSERT INTO s VALUES (1); COMMIT'), 6],
    ]
    for (const [work, times] of runs) {
      work()
      statement.run()
      statement.run()
      expect(seen.filter(({ sql }) => sql === 'DELETE FROM t')).toHaveLength(times)
    }
  })
})

describe('what is left alone', () => {
  test('changes() that a statement reads, though it is judged right before', () => {
    const { database } = open()
    database.exec('INSERT INTO p VALUES (1), (2), (3); INSERT INTO t (a) VALUES (changes())')
    expect(database.prepare('SELECT a FROM t').pluck().all()).toEqual([3])
    database.function('f', () => 1)
    database.exec('DELETE FROM p; INSERT INTO t (a) VALUES (changes() + f())')
    expect(database.prepare('SELECT a FROM t').pluck().all()).toEqual([3, 4])
  })

  test('a transaction that has only been begun waits for other writers, though its statement has to be judged first', () => {
    const { database, told, openOther } = open()
    const other = openOther()
    database.exec('BEGIN')
    other.exec('INSERT INTO p VALUES (1)')
    database.exec('INSERT INTO u VALUES (1)')
    database.exec('COMMIT')
    expect(told()).toEqual(['INSERT INTO u VALUES (1) (1 #1)'])
  })
})

describe('whether a commit is surely our own', () => {
  test.each<[string, string, boolean]>([
    ['an INSERT', 'INSERT INTO p VALUES (NULL)', true],
    ['a DELETE', 'DELETE FROM t', true],
    ['a change of the schema', 'CREATE TABLE n (a)', true],
    ['an UPDATE that leaves rows as they were', 'UPDATE t SET a = a', false],
    ['an INSERT of nothing', 'INSERT INTO p SELECT 1 WHERE 0', false],
    ['an upsert', 'INSERT INTO t VALUES (1, 1) ON CONFLICT DO UPDATE SET a = a', false],
  ])('%s, when others write: %s', (_, sql, isOurs) => {
    const { database, sink, openOther } = open()
    const other = openOther()
    database.exec('INSERT INTO t VALUES (1, 1); UPDATE t SET a = 1')
    other.exec('INSERT INTO u VALUES (NULL)')
    database.exec(sql)
    expect(sink.committedOnes.at(-1)?.isOurs).toBe(isOurs)
  })

  test('an UPDATE, when nobody else writes', () => {
    const { database, sink } = open()
    database.exec('INSERT INTO t VALUES (1, 1); UPDATE t SET a = 2; UPDATE t SET a = 3; BEGIN; UPDATE t SET a = 4; COMMIT')
    expect(sink.committedOnes.slice(2).map(({ isOurs }) => isOurs)).toEqual([true, true])
  })
})

describe('policies', () => {
  test.each<[StatementPolicy, string, boolean]>([
    ['mixed', 'context', true],
    ['mixed', 'record', false],
    ['mixed', 'rows', false],
    ['record', 'context', true],
    ['record', 'record', false],
    ['record', 'rows', false],
    ['raw', 'record', true],
    ['raw', 'reject', true],
    ['reject', 'context', true],
  ])('%s: a statement of safety %s may be run again: %s', (policy, safety, isRepeatable) => {
    const { database, sink } = open(policy)
    database.exec(`DELETE FROM t -- unsafe_${safety}`)
    expect(sink.committedOnes[0]?.statements[0]?.verdict).toMatchObject({ safety, isRepeatable })
  })

  test.each(['record', 'rows', 'reject'])('reject refuses safety %s before anything is changed', (safety) => {
    const { database } = open('reject')
    database.exec('INSERT INTO t VALUES (1, 1)')
    const refused = expect.objectContaining({ code: 'STATEMENT_REFUSED' }) as unknown
    const unsafe = `DELETE FROM t /* unsafe_${safety} */`
    expect(() => database.prepare(unsafe).run()).toThrow(refused)
    expect(() => database.prepare(`${unsafe} RETURNING a`).get()).toThrow(refused)
    expect(() => [...database.prepare(`${unsafe} RETURNING a`).iterate()]).toThrow(refused)
    expect(() => database.exec(`INSERT INTO t VALUES (2, 2); ${unsafe}; INSERT INTO t VALUES (3, 3)`)).toThrow(refused)
    expect(() => database.transaction(() => database.exec(`INSERT INTO t VALUES (4, 4); ${unsafe}`))()).toThrow(refused)
    expect(database.prepare('SELECT id FROM t').pluck().all()).toEqual([1, 2])
  })

  test('raw tells a statement that failed and left something', () => {
    const { told, attempt } = open('raw')
    for (const sql of ['INSERT INTO u VALUES (1)', 'INSERT OR FAIL INTO u VALUES (2), (1)']) attempt(sql)
    expect(told().at(-1)).toBe('INSERT OR FAIL INTO u VALUES (2), (1) (SQLITE_CONSTRAINT_UNIQUE 1 #2)')
  })
})
