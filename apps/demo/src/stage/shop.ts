import type { Database } from 'better-sqlite3'
import { type Dice, newDice } from './dice.ts'

/** What the demo writes, one transaction a call. */
export type Workload = () => void

const ITEMS = ['black tea', 'green tea', 'mate', 'coffee', 'cocoa', 'cups', 'a kettle', 'sugar', 'honey', 'biscuits'] as const
const CITIES = ['Uppsala', 'Porto', 'Kyoto', 'Cork', 'Tartu', 'Quito', 'Lviv', 'Pune'] as const

/** Fills an empty database with a small shop. */
export function openShop(database: Database): void {
  database.exec(`
    CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT NOT NULL);
    CREATE TABLE stock (item TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customers, at REAL NOT NULL, note TEXT);
    CREATE TABLE lines (customer_order INTEGER NOT NULL REFERENCES orders, item TEXT NOT NULL, count INTEGER NOT NULL);
    CREATE INDEX orders_by_customer ON orders (customer);
    CREATE INDEX lines_by_order ON lines (customer_order);
  `)
  const dice = newDice(1)
  const customer = database.prepare('INSERT INTO customers (name, city) VALUES (?, ?)')
  const stock = database.prepare('INSERT INTO stock VALUES (?, ?)')
  database.transaction(() => {
    for (const item of ITEMS) stock.run(item, 1_000_000)
    for (let number = 1; number <= 5_000; number++)
      customer.run(`Customer ${number} ${'·'.repeat(number % 60)}`, dice.pick(CITIES))
  })()
}

/** Customers order, change their minds, and are forgotten. */
export function newShopWorkload(database: Database, dice: Dice): Workload {
  const customers = database.prepare('SELECT max(id) FROM customers').pluck().get() as number
  const order = database.prepare('INSERT INTO orders (customer, at, note) VALUES (?, unixepoch(), ?)')
  const line = database.prepare('INSERT INTO lines VALUES (?, ?, ?)')
  const take = database.prepare('UPDATE stock SET count = count - ? WHERE item = ?')
  const move = database.prepare('UPDATE customers SET city = ? WHERE id = ?')
  const forgetLines = database.prepare('DELETE FROM lines WHERE customer_order = ?')
  const forget = database.prepare('DELETE FROM orders WHERE id = ?')

  const sell = database.transaction(() => {
    const { lastInsertRowid } = order.run(1 + dice.below(customers), randomText(dice))
    for (let lines = 1 + dice.below(3); lines > 0; lines--) {
      const [item, count] = [dice.pick(ITEMS), 1 + dice.below(5)]
      line.run(lastInsertRowid, item, count)
      take.run(count, item)
    }
    return Number(lastInsertRowid)
  })
  const cancel = database.transaction((id: number) => {
    forgetLines.run(id)
    forget.run(id)
  })
  let last = 0
  return () => {
    const chance = dice.next()
    if (chance < 0.7 || last === 0) last = sell()
    else if (chance < 0.9) move.run(dice.pick(CITIES), 1 + dice.below(customers))
    else cancel(1 + dice.below(last))
  }
}

/** For a database of the user's own, of which nothing is known: rows come and go in a table of the demo's own. */
export function newForeignWorkload(database: Database, dice: Dice): Workload {
  database.exec('CREATE TABLE IF NOT EXISTS stemma_demo (id INTEGER PRIMARY KEY, note TEXT)')
  const insert = database.prepare('INSERT INTO stemma_demo (note) VALUES (?)')
  const remove = database.prepare('DELETE FROM stemma_demo WHERE id = (SELECT min(id) FROM stemma_demo)')
  return () => void (dice.next() < 0.8 ? insert.run(randomText(dice)) : remove.run())
}

function randomText(dice: Dice): string {
  return Array.from({ length: 1 + dice.below(6) }, () => dice.bytes(6).toString('base64url')).join(' ')
}
