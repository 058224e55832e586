import Database from 'better-sqlite3'
import { type Dice, EXTRAS, INDEXES, TABLES } from 'fuzz'
import { changeClock } from './other-clock.ts'

/** Two databases with equal rows and schema, that came about in different ways. */
export interface Twins {
  readonly leader: Database.Database
  readonly copy: Database.Database
  close(): void
}

export function openTwins(dice: Dice): Twins {
  const leader = new Database(':memory:')
  const copy = new Database(':memory:')
  const rows = TABLES.map((table) =>
    Array.from(
      { length: 3 + dice(8) },
      () =>
        `INSERT OR IGNORE INTO ${table.name}(${table.columns.join(', ')}) VALUES(${table.values.map((make) => make(dice)).join(', ')})`,
    ),
  )
  for (const { sql } of TABLES) leader.exec(sql)
  for (const inserts of rows) for (const insert of inserts) leader.exec(insert)
  for (const { sql } of TABLES) copy.exec(sql)
  scramble(leader, copy, dice)
  copySequences(leader, copy)
  for (const sql of EXTRAS) {
    leader.exec(sql)
    copy.exec(sql)
  }
  for (const index of INDEXES) {
    const which = dice(5)
    if (which < 2) copy.exec(index)
    if (which === 2) leader.exec(index)
  }
  if (dice(3) === 0) copy.exec('ANALYZE')
  if (dice(3) === 0) copy.exec('VACUUM')
  if (dice(2) === 0) copy.pragma('reverse_unordered_selects = ON')
  changeClock(copy)
  copy.function('changes', () => 77)
  return {
    leader,
    copy,
    close() {
      leader.close()
      copy.close()
    },
  }
}

/** Gives a copy the rows of another database in another order, with others that come and go. */
function scramble(leader: Database.Database, copy: Database.Database, dice: Dice): void {
  for (const { name, columns } of TABLES) {
    const rows = leader
      .prepare(`SELECT ${columns.join(', ')} FROM ${name}`)
      .raw()
      .all() as unknown[][]
    const types = leader
      .prepare(`SELECT ${columns.map((each) => `typeof(${each})`).join(', ')} FROM ${name}`)
      .raw()
      .all() as string[][]
    const order = rows.map((_, index) => ({ index, by: dice(1000) })).toSorted((a, b) => a.by - b.by)
    for (const { index } of order) {
      const places = columns.map((_, column) =>
        types[index]?.[column] === 'real' ? 'CAST(? AS REAL)' : types[index]?.[column] === 'integer' ? 'CAST(? AS INTEGER)' : '?',
      )
      copy.prepare(`INSERT INTO ${name}(${columns.join(', ')}) VALUES(${places.join(', ')})`).run(...(rows[index] ?? []))
    }
  }
}

function copySequences(leader: Database.Database, copy: Database.Database): void {
  copy.exec('DELETE FROM sqlite_sequence')
  const rows = leader.prepare('SELECT name, seq FROM sqlite_sequence').raw().safeIntegers().all() as unknown[][]
  for (const row of rows) copy.prepare('INSERT INTO sqlite_sequence VALUES(?, ?)').run(...row)
}

/** Everything that a copy must have as its leader does: tables with an id row by row, those without as a bag of rows; and their sequences. */
export function contentOf(database: Database.Database): string[] {
  return [
    ...TABLES.map(({ name, columns }) => contentOfTable(database, name, columns)),
    contentOfTable(database, 'sqlite_sequence', ['name', 'seq']),
  ]
}

function contentOfTable(database: Database.Database, name: string, columns: readonly string[]): string {
  const shown = columns.map((each) => `quote(${each}) || ' ' || typeof(${each})`).join(` || ', ' || `)
  const rows = database.prepare(`SELECT ${shown} FROM ${name}`).pluck().all() as string[]
  return `${name}: ${rows.toSorted().join('; ')}`
}
