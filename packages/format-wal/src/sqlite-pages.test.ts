import type { Database } from 'better-sqlite3'
import { expect, test } from 'vitest'
import { Copy, newCommit } from '../test/commit.ts'
import { sqliteCommits, type SqliteCommit } from '../test/sqlite-commits.ts'
import { walFormat } from './index.ts'

/** Numbers that look random and are the same each time. */
function newDice(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * sides)
  }
}

function text(dice: (sides: number) => number, length: number): string {
  return Array.from({ length }, () => dice(16).toString(16)).join('')
}

const TABLE = `create table item (id integer primary key, name text not null, note text not null, amount integer not null);
  create index item_name on item (name)`

function insert(database: Database, dice: (sides: number) => number, count: number): void {
  const statement = database.prepare('insert into item (name, note, amount) values (?, ?, ?)')
  for (let i = 0; i < count; i++) statement.run(text(dice, 24), text(dice, 96), dice(1_000_000))
}

/** Payload bytes, after a look whether every commit brings a copy to where SQLite went. */
function shipAll(commits: readonly SqliteCommit[]): number {
  let bytes = 0
  for (const { pageSize, pageCount, pairs } of commits) {
    const payload = walFormat.encode(newCommit(pageSize, pageCount, pairs))
    const copy = new Copy(pageSize, pairs)
    walFormat.apply(payload, 1, copy)
    for (const { pageNumber, after } of pairs) expect(Buffer.compare(copy.page(pageNumber), after)).toBe(0)
    expect(copy.wrongPages()).toEqual([])
    bytes += payload.byteLength
  }
  return bytes
}

const PREPARED = 20_000

test.each<[string, number, (database: Database, dice: (sides: number) => number) => void]>([
  // With the envelope of 38 bytes these stay below 385 and 100.
  ['an insert of 130 bytes of values with an index on random text', 347, (database, dice) => insert(database, dice, 2000)],
  [
    'an update of one number',
    62,
    (database, dice) => {
      const statement = database.prepare('update item set amount = ? where id = ?')
      for (let i = 0; i < 2000; i++) statement.run(dice(1_000_000), 1 + dice(PREPARED))
    },
  ],
])('%s takes no more than %i bytes in the mean', (_name, goal, work) => {
  const dice = newDice(1)
  const commits = sqliteCommits(
    4096,
    (database) => {
      database.exec(TABLE)
      database.transaction(() => insert(database, dice, PREPARED))()
    },
    (database) => work(database, dice),
  )
  expect(commits.length).toBe(2000)
  expect(shipAll(commits) / commits.length).toBeLessThanOrEqual(goal)
})

test.each([512, 1024, 8192, 65536])('a busy life of a database with pages of %i bytes', (pageSize) => {
  const dice = newDice(pageSize)
  const commits = sqliteCommits(
    pageSize,
    (database) => {
      database.pragma(`auto_vacuum = ${pageSize === 1024 ? 'full' : 'none'}`)
      database.exec(TABLE)
      insert(database, dice, 50)
    },
    (database) => {
      insert(database, dice, 100)
      database.transaction(() => insert(database, dice, 300))()
      database.exec(`create table label (name text primary key, value blob) without rowid`)
      database.exec(`insert into label select distinct name, zeroblob(length(note) * (id % 40)) from item where id % 3 = 0`)
      database.exec(`update item set note = note || note where id % 5 = 0`)
      database.exec(`delete from item where id % 4 = 0`)
      database.exec(`update label set value = randomblob(3000) where name < '4'`)
      database.exec(`alter table item add column extra text default 'none'`)
      database.exec(`create index item_amount on item (amount)`)
      database.exec(`drop table label`)
      insert(database, dice, 50)
      database.exec(`vacuum`)
      insert(database, dice, 50)
    },
  )
  expect(commits.length).toBeGreaterThan(200)
  shipAll(commits)
})
