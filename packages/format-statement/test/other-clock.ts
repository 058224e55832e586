import Database from 'better-sqlite3'

const CLOCKS = ['date', 'time', 'datetime', 'julianday', 'unixepoch', 'timediff'] as const

const NOW = '2031-01-01 00:00:00'

/** Puts a connection into another year. */
export function changeClock(connection: Database.Database): void {
  const other = new Database(':memory:')
  const isNow = (value: unknown): boolean => typeof value === 'string' && value.toLowerCase() === 'now'
  const shift = (args: readonly unknown[]): unknown[] =>
    args.length === 0 ? [NOW] : args.map((each) => (isNow(each) ? NOW : each))
  const ask = (name: string, args: readonly unknown[]): unknown =>
    other
      .prepare(`SELECT ${name}(${args.map(() => '?').join(', ')})`)
      .pluck()
      .safeIntegers()
      .get(...args)
  for (const name of CLOCKS)
    connection.function(name, { varargs: true, safeIntegers: true }, (...args: unknown[]) => ask(name, shift(args)))
  connection.function('strftime', { varargs: true, safeIntegers: true }, (format: unknown, ...args: unknown[]) =>
    ask('strftime', [format, ...shift(args)]),
  )
  connection.function('current_timestamp', () => NOW)
}
