import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { onTestFinished } from 'vitest'

/** A folder for one test; it is removed when the test is over. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Makes a database in WAL mode with `sql`, and closes it. */
export function makeDatabase(path: string, sql: string, pragmas = ''): void {
  const database = new Database(path)
  database.exec(`${pragmas}; PRAGMA journal_mode = WAL; ${sql}`)
  database.close()
}

/** A table of accounts whose balances always add up to the same. */
export const ACCOUNTS = `
  CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, note TEXT);
  CREATE INDEX account_note ON account (note);
  INSERT INTO account (balance, note) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
    SELECT 100, hex(randomblob(8)) FROM n`

export const ACCOUNTS_TOTAL = 10_000

/** A transaction that moves money between accounts. */
export function moveMoney(database: Database.Database): void {
  database.exec(`BEGIN IMMEDIATE;
    UPDATE account SET balance = balance - 7, note = hex(randomblob(8)) WHERE id = abs(random() % 100) + 1;
    UPDATE account SET balance = balance + 10000 - (SELECT sum(balance) FROM account) WHERE id = abs(random() % 100) + 1;
    COMMIT`)
}
