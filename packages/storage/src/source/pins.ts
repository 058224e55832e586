import type { SqliteConnection, SqliteDriver, SqliteStatement } from '../sqlite/driver.ts'

/**
 * A read transaction that is always open, so that no frame which was not read yet can be overwritten.
 *
 * Two connections take turns: the new transaction begins before the old one ends. While one is open, no checkpoint copies frames
 * that came after it, and no writer restarts a WAL that it still reads. One that began when every frame had been copied reads
 * the database alone: the next writer may then restart the WAL, and no checkpoint at all runs until it ends.
 *
 * @see https://sqlite.org/walformat.html#wal_locks
 */
export class Pins {
  readonly #readers: readonly Reader[]
  #held: Reader | undefined

  constructor(driver: SqliteDriver, path: string) {
    const first = openReader(driver, path)
    try {
      this.#readers = [first, openReader(driver, path)]
    } catch (error) {
      first.connection.close()
      throw error
    }
  }

  get held(): boolean {
    return this.#held !== undefined
  }

  /**
   * Moves the pin to the end of the WAL.
   *
   * @param catchUp - reads every frame up to the end of the WAL as it is now. The old pin is held until it returns, so the database
   *   file holds nothing newer than what has been read, ever.
   * @throws SQLite's errors, SQLITE_BUSY among them; the old pin is then still held
   */
  move(catchUp: () => void): void {
    const next = this.#spare
    begin(next)
    try {
      catchUp()
    } catch (error) {
      end(next)
      throw error
    }
    const old = this.#held
    this.#held = next
    if (old !== undefined) end(old)
  }

  /** Lets go: anything may happen to the WAL from now on. */
  release(): void {
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) end(held)
  }

  /** Ends the transaction and begins it anew. Only safe while nobody can write. */
  renew(): void {
    const held = this.#held
    if (held !== undefined) begin(held)
  }

  /**
   * Takes the write lock, without waiting for it. The pin can't be moved until `unlockWrites`.
   *
   * @throws SQLITE_BUSY when somebody else has it
   */
  lockWrites(): void {
    this.#spare.connection.exec('BEGIN IMMEDIATE')
  }

  unlockWrites(): void {
    const { connection } = this.#spare
    if (connection.inTransaction) connection.exec('ROLLBACK')
  }

  get #spare(): Reader {
    return this.#readers.find((reader) => reader !== this.#held)!
  }

  close(): void {
    this.#held = undefined
    for (const { connection } of this.#readers) connection.close()
  }
}

interface Reader {
  readonly connection: SqliteConnection
  readonly begin: SqliteStatement
  /** Takes the snapshot. It needs no schema, so it costs the same with a thousand tables. */
  readonly look: SqliteStatement
  readonly end: SqliteStatement
}

function openReader(driver: SqliteDriver, path: string): Reader {
  const connection = driver.open(path, { mustExist: true })
  try {
    connection.exec('PRAGMA busy_timeout = 0; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = 8; PRAGMA mmap_size = 0')
    return {
      connection,
      begin: connection.prepare('BEGIN'),
      look: connection.prepare('PRAGMA user_version'),
      end: connection.prepare('COMMIT'),
    }
  } catch (error) {
    connection.close()
    throw error
  }
}

function begin(reader: Reader): void {
  if (reader.connection.inTransaction) end(reader)
  reader.begin.run()
  try {
    reader.look.get()
  } catch (error) {
    end(reader)
    throw error
  }
}

function end(reader: Reader): void {
  if (reader.connection.inTransaction) reader.end.run()
}
