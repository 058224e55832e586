import fc from 'fast-check'
import { expect, test } from 'vitest'
import { changesetFormat } from '../src/index.ts'
import { SessionWorld, showChangeset, type SeenCommit } from './session-world.ts'

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
process.stdout.write(`seed ${SEED}\n`)

/** Tables as they come; of `g` a session says less than there is, and of `n` nothing. */
const SCHEMA = [
  'CREATE TABLE i (id INTEGER PRIMARY KEY, a, b REAL, c TEXT)',
  'CREATE TABLE t (a, k TEXT PRIMARY KEY, b INT)',
  'CREATE TABLE d (k INT, j, a NUMERIC, PRIMARY KEY (j, k))',
  'CREATE TABLE w (a, k TEXT, b BLOB, j, PRIMARY KEY (j, k)) WITHOUT ROWID',
  'CREATE TABLE g (id INTEGER PRIMARY KEY, a, s AS (a || 1) STORED, v AS (a) VIRTUAL, b)',
  'CREATE TABLE n (a, b)',
] as const

const COLUMNS = {
  i: ['id', 'a', 'b', 'c'],
  t: ['a', 'k', 'b'],
  d: ['k', 'j', 'a'],
  w: ['a', 'k', 'b', 'j'],
  g: ['id', 'a', 'b'],
  n: ['a', 'b'],
}

const VALUES = `NULL 0 1 2 -1 9223372036854775807 -9223372036854775808 3 3.0 0.1 -0.0 9e999 5e-324 '' 'a' 'A' 'Grüße'
  x'61ff'||'' x'610062'||'' x'' x'00ff' zeroblob(300)`.split(/\s+/)

const value = fc.constantFrom(...VALUES)

const statement = fc.constantFrom(...(Object.keys(COLUMNS) as (keyof typeof COLUMNS)[])).chain((table) => {
  const columns = COLUMNS[table]
  const column = fc.constantFrom(...columns, ...(table === 'w' ? [] : ['rowid']))
  return fc.oneof(
    fc
      .array(value, { minLength: columns.length, maxLength: columns.length })
      .map((values) => `INSERT OR REPLACE INTO ${table} (${columns.join(', ')}) VALUES (${values.join(', ')})`),
    fc
      .tuple(column, value, column, value)
      .map(([set, to, where, is]) => `UPDATE ${table} SET ${set} = ${to} WHERE ${where} IS ${is}`),
    fc.tuple(column, value).map(([set, to]) => `UPDATE OR IGNORE ${table} SET ${set} = ${to}`),
    fc.tuple(column, value).map(([where, is]) => `DELETE FROM ${table} WHERE ${where} IS ${is}`),
    fc.constant(`DELETE FROM ${table}`),
  )
})

const transactions = fc.array(fc.array(statement, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 6 })

/** Runs transactions and looks at each. */
function forEachCommit(look: (seen: SeenCommit, world: SessionWorld) => void): void {
  fc.assert(
    fc.property(transactions, (all) => {
      const world = new SessionWorld(SCHEMA)
      try {
        for (const [i, statements] of all.entries()) look(world.commit(statements, i + 1), world)
      } finally {
        world.close()
      }
    }),
    { seed: SEED, numRuns: 60 },
  )
}

test('a commit is told as a session tells it', () => {
  forEachCommit(({ bySession, commit }) => {
    const ours = showChangeset(changesetFormat.encode(commit), (table) => table !== '_stemma_commit')
    expect(ours).toEqual(showChangeset(bySession))
  })
})

test('node:sqlite applies a payload to the database before, and gets the one after', () => {
  forEachCommit(({ commit, before }, world) => {
    const database = before()
    const payload = changesetFormat.encode(commit)
    expect(database.applyChangeset(payload)).toBe(true)
    expect(world.showTold(database)).toBe(world.showTold())
    database.close()
  })
})

test('a payload gives back all rows, those of tables that changesets pass over too', () => {
  forEachCommit(({ commit, before }, world) => {
    const database = before()
    const rows = changesetFormat.decode(changesetFormat.encode(commit).slice(), 1)
    expect(world.showAfter(database, rows)).toBe(world.show())
    database.close()
  })
})

test('payloads one behind another are one changeset', () => {
  fc.assert(
    fc.property(transactions, (all) => {
      const world = new SessionWorld(SCHEMA)
      const copy = world.commit([]).before()
      const payloads = all.map((statements, i) => changesetFormat.encode(world.commit(statements, i + 1).commit).slice())
      expect(copy.applyChangeset(Buffer.concat(payloads))).toBe(true)
      expect(world.showTold(copy)).toBe(world.showTold())
      for (const database of [copy, world]) database.close()
    }),
    { seed: SEED, numRuns: 30 },
  )
})
