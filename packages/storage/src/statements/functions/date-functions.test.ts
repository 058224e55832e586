import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openFunctionRecorder } from './open-function-recorder.ts'

const zone = process.env['TZ']
beforeAll(() => {
  process.env['TZ'] = 'America/New_York'
})
afterAll(() => {
  if (zone === undefined) delete process.env['TZ']
  else process.env['TZ'] = zone
})

const TIMES = [
  "'now'",
  "'NOW'",
  "'subsec'",
  "'SubSecond'",
  "x'6e6f77'",
  "x'6e6f7700'",
  "'now' || char(0) || 'x'",
  "' now'",
  "'2024-02-29'",
  "'2024-01-31 12:34:56.789'",
  "'2024-07-01T12:34:56Z'",
  "'2024-07-01 12:00+05:30'",
  "'12:00'",
  '2460000.5',
  '1700000000',
  '1700000000.25',
  '-1',
  '0',
  "''",
  'NULL',
  "'garbage'",
  "x'ff'",
]
const MODIFIERS = [
  [],
  ["'localtime'"],
  ["'utc'"],
  ["'LocalTime'"],
  ["x'757463'"],
  ["'unixepoch'"],
  ["'auto'"],
  ["'julianday'"],
  ["'subsec'"],
  ["'now'"],
  ["'+1 month'"],
  ["'+1 month'", "'floor'"],
  ["'ceiling'", "'-1 month'"],
  ["'start of month'", "'-1.5 days'"],
  ["'weekday 2'", "'subsec'"],
  ["'unixepoch'", "'localtime'"],
  ["'localtime'", "'utc'"],
  ["'utc'", "'localtime'"],
  ["'auto'", "'+00:30'", "'subsecond'"],
  ['5'],
  ['NULL'],
  ["'nonsense'"],
]
const FORMATS = ["'%s'", "'%Y-%m-%d %H:%M:%f'", "'%J %j %W %u'", "'%'", "''", 'NULL', "x'255925'", "'%I %p %k %U'", '5']

const calls: string[] = ['current_date', 'current_time', 'current_timestamp', 'strftime()']
for (const name of ['date', 'time', 'datetime', 'julianday', 'unixepoch']) {
  calls.push(`${name}()`)
  for (const time of TIMES) for (const modifiers of MODIFIERS) calls.push(`${name}(${[time, ...modifiers].join(', ')})`)
}
for (const format of FORMATS) {
  calls.push(`strftime(${format})`)
  for (const time of TIMES) for (const modifiers of MODIFIERS) calls.push(`strftime(${[format, time, ...modifiers].join(', ')})`)
}
for (const a of TIMES) for (const b of TIMES) calls.push(`timediff(${a}, ${b})`)

test(`${calls.length} calls of date and time functions give just what SQLite's own give at that moment`, () => {
  const [plain, replaced] = [new Database(':memory:'), new Database(':memory:')]
  for (const database of [plain, replaced]) database.defaultSafeIntegers(true)
  let moment = 0
  const recorder = openFunctionRecorder(replaced, { now: () => moment })
  for (const call of calls) {
    const { now, ...want } = plain
      .prepare(`SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now') AS now, ${call} AS value, typeof(${call}) AS type`)
      .get() as { now: string; value: unknown; type: string }
    moment = Date.parse(now)
    const got = replaced.prepare(`SELECT ${call} AS value, typeof(${call}) AS type`).get()
    expect({ call, ...(got as object) }).toEqual({ call, ...want })
  }
  recorder.close()
})

test('only calls that ask the clock or the time zone are told, each once, with one moment for all', () => {
  const database = new Database(':memory:')
  let moment = Date.UTC(2001, 1, 3, 4, 5, 6, 789)
  const recorder = openFunctionRecorder(database, { now: () => moment++ })
  recorder.begin()
  database
    .prepare(
      "SELECT date('now'), datetime(?, '+1 day'), time('2024-01-01', 'utc'), date('2024-01-01', '+1 day'), current_timestamp, date('now')",
    )
    .get('now')
  database.prepare("SELECT unixepoch('subsec'), timediff('now', '2000-01-01'), strftime('%f')").get()
  expect(recorder.take()?.told.map((call) => [call.function, ...call.arguments, call.value])).toEqual([
    ['date', 'now', '2001-02-03'],
    ['datetime', 'now', '+1 day', '2001-02-04 04:05:06'],
    ['time', '2024-01-01', 'utc', '05:00:00'],
    ['current_timestamp', '2001-02-03 04:05:06'],
    ['unixepoch', 'subsec', 981173106.789],
    ['timediff', 'now', '2000-01-01', '+0001-01-02 04:05:06.789'],
    ['strftime', '%f', '06.789'],
  ])
  expect(recorder.take()).toBeUndefined()
  recorder.close()
})
