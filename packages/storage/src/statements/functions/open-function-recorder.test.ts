import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { openFunctionRecorder, type OpenFunctionRecorder } from './open-function-recorder.ts'
import { CALLS_MAX } from './recorded-calls.ts'

function opened(): { database: Database.Database; recorder: OpenFunctionRecorder; value: (sql: string) => unknown } {
  const database = new Database(':memory:')
  database.defaultSafeIntegers(true)
  const recorder = openFunctionRecorder(database)
  return { database, recorder, value: (sql) => database.prepare(`SELECT ${sql}`).pluck().get() }
}

test('random() gives 64 bits with a sign, never the least integer', () => {
  const { value } = opened()
  let [least, most, bits] = [0n, 0n, 0n]
  for (let i = 0; i < 5_000; i++) {
    const drawn = value('random()') as bigint
    if (drawn < least) least = drawn
    if (drawn > most) most = drawn
    bits |= BigInt.asUintN(64, drawn)
  }
  expect(least).toBeLessThan(-(2n ** 61n))
  expect(most).toBeGreaterThan(2n ** 61n)
  expect(least).toBeGreaterThan(-(2n ** 63n))
  expect(bits).toBe(2n ** 64n - 1n)
  expect(value('random() = random()')).toBe(0n)
  expect(value('typeof(random())')).toBe('integer')
})

test.each(['5', '5.9', "'7 apples'", 'NULL', '0', '-3', "x'35'", "'-'", '1e3', "'12e1'"])(
  'randomblob(%s) is as long as that of SQLite',
  (length) => {
    const plain = new Database(':memory:')
      .prepare(`SELECT length(randomblob(${length})) || typeof(randomblob(${length}))`)
      .pluck()
    expect(opened().value(`length(randomblob(${length})) || typeof(randomblob(${length}))`)).toBe(plain.get())
  },
)

test('a blob that is too big is refused, and so is another count of arguments', () => {
  const { value } = opened()
  for (const length of ['1e18', '2000000000', '9223372036854775807']) {
    let error: unknown
    try {
      value(`randomblob(${length})`)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(Database.SqliteError)
    expect(error).toMatchObject({ code: 'SQLITE_TOOBIG', message: 'string or blob too big' })
  }
  expect(() => value('random(1)')).toThrow('wrong number of arguments')
  expect(() => value('timediff(1)')).toThrow('wrong number of arguments')
  expect(() => value('randomblob()')).toThrow('wrong number of arguments')
})

test('what was drawn is told in order, wherever it was called, and nothing of it outside of begin and take', () => {
  const { database, recorder, value } = opened()
  database.exec(`
    CREATE TABLE t (id INTEGER PRIMARY KEY, a, b DEFAULT (randomblob(3)));
    CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET a = a || random() WHERE id = new.id; END;
  `)
  value('random()')
  recorder.begin()
  database.exec('INSERT INTO t (a) VALUES (random())')
  const recorded = recorder.take()!
  value('random()')
  const { a, b } = database.prepare('SELECT a, b FROM t').get() as { a: string; b: Buffer }
  expect(recorded.drawn.map((call) => call.function).toSorted()).toEqual(['random', 'random', 'randomblob'])
  const drawn = recorded.drawn.filter((call) => call.function === 'random')
  expect(a).toBe(drawn.map((call) => String(call.value)).join(''))
  expect(Buffer.from(recorded.drawn.find((call) => call.function === 'randomblob')!.value as Uint8Array).equals(b)).toBe(true)
  expect(recorded).toMatchObject({ told: [], connection: undefined })
})

test('functions of the program are recorded with what they were given, and give what they gave', () => {
  const { database, recorder, value } = opened()
  database.function(
    'next',
    recorder.wrap('next', (n: bigint) => Number(n) + 0.5),
  )
  database.function(
    'up',
    { deterministic: true },
    recorder.wrap('Up', (text: string) => text.toUpperCase(), true),
  )
  database.function(
    'none',
    recorder.wrap('none', () => undefined),
  )
  expect(() => value('next(1, 2)')).toThrow('wrong number of arguments')
  recorder.begin()
  expect(value("next(1) || up('i') || up('i') || coalesce(none(), '-')")).toBe('1.5II-')
  expect(recorder.take()).toEqual({
    drawn: [
      { function: 'next', arguments: [1n], value: 1.5 },
      { function: 'none', arguments: [], value: null },
    ],
    told: [{ function: 'up', arguments: ['i'], value: 'I' }],
    connection: undefined,
  })
})

test('more calls than are worth it are not told at all', () => {
  const { database, recorder } = opened()
  const count = (n: number): unknown => {
    recorder.begin()
    database
      .prepare('WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT ?) SELECT max(random()) FROM c')
      .get(BigInt(n))
    return recorder.take()?.drawn.length
  }
  expect(count(CALLS_MAX)).toBe(CALLS_MAX)
  expect(count(CALLS_MAX + 1)).toBeUndefined()
  recorder.begin()
  database.prepare('SELECT randomblob(2000000)').get()
  expect(recorder.take()).toBeUndefined()
  expect(count(1)).toBe(1)
})

test('an index on a date, a generated column and a CHECK go on as they did', () => {
  const { database } = opened()
  database.exec(`
    CREATE TABLE t (at, day AS (date(at)) STORED, CHECK (at <> datetime('2000-01-01')));
    CREATE INDEX i ON t (strftime('%Y', at));
    INSERT INTO t (at) VALUES ('2024-05-06 07:08:09');
  `)
  expect(database.prepare("SELECT day FROM t WHERE strftime('%Y', at) = '2024'").pluck().get()).toBe('2024-05-06')
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok')
})

const CONTEXTS = {
  check: (call: string) => `CREATE TABLE t (v, w, CHECK (${call} IS NOT 0))`,
  'generated-column': (call: string) => `CREATE TABLE t (v, w, g AS (${call}) STORED)`,
  index: (call: string) => `CREATE TABLE t (v, w); CREATE INDEX i ON t (${call})`,
}
const GUARDED = ['date(v, w)', 'strftime(v)', 'timediff(v, w)', 'unixepoch(v)', 'time()', "datetime(v, 'localtime', w)"]
const GIVEN = [
  ['now', '+1 day'],
  ['subsec', null],
  [null, 'localtime'],
  ['garbage', 'utc'],
  ['2000-01-01', 'utc'],
  ['2000-01-01', 'nonsense'],
  [2451545.5, 'LocalTime'],
]

test.each(Object.entries(CONTEXTS))(
  'a function that is guarded fails in a place of kind %s just as that of SQLite',
  (kind, schema) => {
    for (const call of GUARDED) {
      const outcomes = [false, true].map((isReplaced) => {
        const database = new Database(':memory:')
        const recorder = isReplaced ? openFunctionRecorder(database) : undefined
        database.exec(schema(call))
        recorder?.guard(new Map([[call.slice(0, call.indexOf('(')), kind as keyof typeof CONTEXTS]]))
        const insert = database.prepare('INSERT INTO t (v, w) VALUES (?, ?)')
        const came = GIVEN.map((values) => {
          try {
            insert.run(values)
            return 'ok'
          } catch (error) {
            const { code, message } = error as { readonly code?: string; readonly message: string }
            return [error instanceof Database.SqliteError, code, message]
          }
        })
        recorder?.guard(undefined)
        if (isReplaced) expect(() => insert.run('now', 'localtime')).not.toThrow()
        return came
      })
      expect({ call, came: outcomes[1] }).toEqual({ call, came: outcomes[0] })
    }
  },
)
