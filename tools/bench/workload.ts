import Database from 'better-sqlite3'

/** What a transaction of a workload does. */
export type Workload =
  | 'insert' // one row of about 130 bytes of values, with an index on random text
  | 'update' // one number of one row
  | 'mixed' // 50 % inserts, 30 % updates, 20 % deletes of one row
  | 'hundred' // 100 inserts

export const WORKLOADS: readonly Workload[] = ['insert', 'mixed', 'hundred']

/** Rows in the table before the first transaction. */
export const ROWS = 50_000

const TABLE = `CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT NOT NULL, amount INTEGER NOT NULL);
  CREATE INDEX item_name ON item (name)`

/** A table with the index, and as many bytes of other rows as it takes to be this large. */
export function createDatabase(path: string, bytes = 0): void {
  const database = new Database(path)
  database.pragma('journal_mode = wal')
  database.pragma('synchronous = off')
  database.exec(TABLE)
  const step = newWorkload(database, 'insert')
  database.transaction(() => {
    for (let i = 0; i < ROWS; i++) step()
  })()
  database.pragma('wal_checkpoint(TRUNCATE)')
  database.exec('CREATE TABLE other (bytes BLOB)')
  const put = database.prepare('INSERT INTO other VALUES (randomblob(1000000))')
  const size = database.prepare('SELECT page_count * page_size FROM pragma_page_count, pragma_page_size').pluck()
  while ((size.get() as number) < bytes) put.run()
  database.pragma('wal_checkpoint(TRUNCATE)')
  database.pragma('synchronous = full')
  database.close()
}

/** Adds triggers that write each row, old and new, into a log table: what programs do that have no other means. */
export function logByTriggers(path: string): void {
  const database = new Database(path)
  const row = (of: string): string => `json_array(${['id', 'name', 'note', 'amount'].map((name) => `${of}.${name}`).join(', ')})`
  database.exec(`CREATE TABLE changes (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, before TEXT, after TEXT);
    CREATE TRIGGER item_insert AFTER INSERT ON item BEGIN INSERT INTO changes (kind, after) VALUES ('insert', ${row('new')}); END;
    CREATE TRIGGER item_update AFTER UPDATE ON item BEGIN
      INSERT INTO changes (kind, before, after) VALUES ('update', ${row('old')}, ${row('new')}); END;
    CREATE TRIGGER item_delete AFTER DELETE ON item BEGIN INSERT INTO changes (kind, before) VALUES ('delete', ${row('old')}); END`)
  database.close()
}

/** What a workload needs of a database, so that it may be another library's. */
export interface Writable {
  prepare(sql: string): { run(...values: (string | number)[]): unknown }
  transaction(work: () => void): () => void
}

/** A function that runs one transaction of a workload. The same seed gives the same transactions. */
export function newWorkload(database: Writable, workload: Workload, seed = 1): () => void {
  const dice = newDice(seed)
  const text = randomText(dice, 1 << 16)
  const slice = (length: number): string => {
    const at = dice(text.length - length)
    return text.slice(at, at + length)
  }
  const insert = database.prepare('INSERT INTO item (name, note, amount) VALUES (?, ?, ?)')
  const update = database.prepare('UPDATE item SET amount = ? WHERE id = (SELECT id FROM item WHERE id >= ? LIMIT 1)')
  const remove = database.prepare('DELETE FROM item WHERE id = (SELECT id FROM item WHERE id >= ? LIMIT 1)')
  const one = (): void => void insert.run(slice(24), slice(96), dice(1_000_000))
  const change = (): void => void update.run(dice(1_000_000), 1 + dice(ROWS))
  switch (workload) {
    case 'insert':
      return one
    case 'update':
      return change
    case 'mixed':
      return () => {
        const side = dice(10)
        if (side < 5) one()
        else if (side < 8) change()
        else remove.run(1 + dice(ROWS))
      }
    case 'hundred':
      return database.transaction(() => {
        for (let i = 0; i < 100; i++) one()
      })
  }
}

function newDice(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * sides)
  }
}

function randomText(dice: (sides: number) => number, length: number): string {
  const parts: string[] = []
  for (let i = 0; i < length; i++) parts.push(dice(36).toString(36))
  return parts.join('')
}
