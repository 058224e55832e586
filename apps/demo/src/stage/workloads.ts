import type { Database } from 'better-sqlite3'
import type { WorkloadChoice } from '../wire.ts'
import { type Dice, newDice } from './dice.ts'
import type { LoadRequest } from './leader-process.ts'
import { newForeignWorkload, newShopWorkload, type Workload } from './shop.ts'

/** Rows that one bulk update changes. */
const BULK_ROWS = 20_000
const BLOB_BYTES = 256 * 1024
/** Blobs that are kept; the oldest makes room. */
const BLOBS_MAX = 40

interface Maker extends WorkloadChoice {
  /** Makes what the workload writes to, and gives one transaction of it. */
  make(database: Database, dice: Dice): Workload
}

const SHOP: Maker = {
  id: 'shop',
  label: 'A shop',
  what: 'Customers order, change their minds and are forgotten: one to ten rows a transaction in four tables, two of them with an index.',
  transactions: 300,
  make: newShopWorkload,
}

const OWN: Maker = {
  id: 'foreign',
  label: 'Your database',
  what: 'Rows come and go in a table stemma_demo, beside yours, in a copy of your database.',
  transactions: 300,
  make: newForeignWorkload,
}

const MAKERS: readonly Maker[] = [
  {
    id: 'inserts',
    label: 'Single inserts',
    what: 'One small row a transaction, into a table with one index.',
    transactions: 300,
    make: newInserts,
  },
  {
    id: 'bulk',
    label: 'Bulk update',
    what: `One UPDATE that changes all ${BULK_ROWS.toLocaleString('en')} rows of a table. One line as a statement, every row as rows.`,
    transactions: 5,
    make: newBulk,
  },
  {
    id: 'migration',
    label: 'A migration',
    what: 'A table is made and filled; then come a column, its values, and an index; then the table goes.',
    transactions: 12,
    make: newMigration,
  },
  {
    id: 'blobs',
    label: 'Big blobs',
    what: `One blob of ${BLOB_BYTES / 1024} KiB of noise a transaction, which nothing can make smaller.`,
    transactions: 20,
    make: newBlobs,
  },
  {
    id: 'sql',
    label: 'Your own SQL',
    what: 'What you type, one transaction each time.',
    transactions: 50,
    make: () => () => {},
  },
]

/** The workloads that suit a database: the demo's shop, or one of the user's own. */
export function workloadsFor(isOwn: boolean): readonly WorkloadChoice[] {
  return [isOwn ? OWN : SHOP, ...MAKERS].map(({ id, label, what, transactions }) => ({ id, label, what, transactions }))
}

/** Makes a workload ready to run. */
export function openWorkload(database: Database, { workload: id, sql, seed }: LoadRequest): Workload {
  if (id === 'sql') return newOwnSql(database, sql)
  const maker = [SHOP, OWN, ...MAKERS].find((each) => each.id === id)
  if (maker === undefined) throw new Error(`there is no workload ${id}`)
  return maker.make(database, newDice(seed))
}

function newOwnSql(database: Database, sql: string): Workload {
  return database.transaction(() => void database.exec(sql))
}

function newInserts(database: Database, dice: Dice): Workload {
  database.exec(`
    CREATE TABLE IF NOT EXISTS demo_visits (id INTEGER PRIMARY KEY, who TEXT NOT NULL, page TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS demo_visits_by_who ON demo_visits (who);
  `)
  const insert = database.prepare('INSERT INTO demo_visits (who, page) VALUES (?, ?)')
  return () => void insert.run(dice.bytes(8).toString('hex'), `/shelf/${dice.below(100)}`)
}

function newBulk(database: Database): Workload {
  database.exec('CREATE TABLE IF NOT EXISTS demo_prices (id INTEGER PRIMARY KEY, name TEXT NOT NULL, cents INTEGER NOT NULL)')
  const isFull = database.prepare('SELECT 1 FROM demo_prices').get() !== undefined
  if (!isFull) {
    const insert = database.prepare('INSERT INTO demo_prices (name, cents) VALUES (?, ?)')
    database.transaction(() => {
      for (let number = 1; number <= BULK_ROWS; number++) insert.run(`Article ${number}`, 100 + (number % 900))
    })()
  }
  const raise = database.prepare('UPDATE demo_prices SET cents = cents + 1')
  return () => void raise.run()
}

function newMigration(database: Database): Workload {
  const steps = [
    'DROP TABLE IF EXISTS demo_people; CREATE TABLE demo_people (id INTEGER PRIMARY KEY, name TEXT NOT NULL)',
    `INSERT INTO demo_people (name) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
       SELECT 'Person ' || i || ' of ' || (i % 40) FROM n ORDER BY i`,
    'ALTER TABLE demo_people ADD COLUMN house INTEGER',
    'UPDATE demo_people SET house = id % 40',
    'CREATE INDEX demo_people_by_house ON demo_people (house)',
    'ALTER TABLE demo_people RENAME COLUMN house TO home',
  ]
  let next = 0
  return database.transaction(() => void database.exec(steps[next++ % steps.length]!))
}

function newBlobs(database: Database, dice: Dice): Workload {
  database.exec('CREATE TABLE IF NOT EXISTS demo_pictures (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)')
  const insert = database.prepare('INSERT INTO demo_pictures (bytes) VALUES (?)')
  const makeRoom = database.prepare('DELETE FROM demo_pictures WHERE id <= (SELECT max(id) FROM demo_pictures) - ?')
  return database.transaction(() => {
    insert.run(dice.bytes(BLOB_BYTES))
    makeRoom.run(BLOBS_MAX)
  })
}
