import { newClassifier, openSqlitePort, schemaVersionOf } from '@stemma/format-statement'
import Database from 'better-sqlite3'

const SCHEMA = `CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT NOT NULL, amount INTEGER NOT NULL);
  CREATE INDEX item_name ON item (name);
  CREATE TABLE stock (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, count INTEGER NOT NULL);
  CREATE TABLE sold (id INTEGER PRIMARY KEY, name TEXT, amount INTEGER)`

const STATEMENTS = {
  insert: 'INSERT INTO item (name, note, amount) VALUES (?, ?, ?)',
  update: 'UPDATE item SET amount = amount + ? WHERE id = ?',
  delete: 'DELETE FROM item WHERE id = ?',
  upsert: 'INSERT INTO stock (code, count) VALUES (?, ?) ON CONFLICT (code) DO UPDATE SET count = count + excluded.count',
  'insert-select': 'INSERT INTO sold (id, name, amount) SELECT id, name, amount FROM item WHERE amount > ? ORDER BY id',
} as const

export type ClassifiedStatement = keyof typeof STATEMENTS

export const CLASSIFIED: readonly ClassifiedStatement[] = Object.keys(STATEMENTS) as ClassifiedStatement[]

export interface ClassifyCost {
  /** CPU time of the first verdict on a text. */
  readonly firstUs: number
  /** Of this, to have SQLite explain it: measured for itself. */
  readonly explainUs: number
  /** Of the same verdict again. */
  readonly cachedUs: number
}

/** Texts that are new to the classifier. */
const TEXTS = 2_000
const AGAIN = 100

/** Classifies one statement in many texts that differ in white space, when the code is compiled. */
export function classifyCosts(name: ClassifiedStatement): ClassifyCost {
  const database = new Database(':memory:')
  try {
    database.exec(SCHEMA)
    const port = openSqlitePort(database)
    const version = schemaVersionOf(database)
    const classifier = newClassifier(port)
    const classify = (text: string): unknown => classifier.classify(text, version)
    const sql = STATEMENTS[name]
    for (const text of textsOf(sql, 0)) classify(text)
    const texts = textsOf(sql, TEXTS)
    const firstUs = cpuUsPer(TEXTS, () => texts.forEach(classify))
    const cachedUs = cpuUsPer(TEXTS * AGAIN, () => {
      for (let i = 0; i < AGAIN; i++) texts.forEach(classify)
    })
    const explainUs = cpuUsPer(TEXTS, () => textsOf(sql, 2 * TEXTS).forEach((text) => port.explain(text)))
    return { firstUs, explainUs, cachedUs }
  } finally {
    database.close()
  }
}

function textsOf(sql: string, from: number): string[] {
  return Array.from({ length: TEXTS }, (_, i) => {
    const blanks = (from + i).toString(2).replaceAll('0', ' ').replaceAll('1', '\n')
    // A text as a program has it: in one piece.
    return Buffer.from(sql + blanks).toString()
  })
}

function cpuUsPer(count: number, work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}
