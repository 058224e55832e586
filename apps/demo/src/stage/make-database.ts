import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import { openShop } from './shop.ts'

/** Makes the leader's database: a small shop, or a copy of one that exists, which is only read. */
export async function makeDatabase(path: string, original: string | undefined): Promise<void> {
  if (original !== undefined) {
    if (!existsSync(original)) throw new Error(`there is no file ${original}`)
    const source = new Database(original, { readonly: true })
    await source.backup(path)
    source.close()
  }
  const database = new Database(path)
  database.pragma('journal_mode = WAL')
  if (original === undefined) openShop(database)
  database.close()
}
