import { StemmaError, showPosition, type Position } from '@stemma/base'
import { isBusy, type SqliteConnection, type SqliteStatement } from '../sqlite/driver.ts'
import { COPY_TABLE } from './copy-table.ts'

/** What a copy says of where it stands, after a transaction. */
export interface NotedPlace {
  readonly position: Position
  readonly digest: bigint
  readonly format: string
}

/** Keeps the note of the place, on one of the connections that write a copy. */
export class PlaceNote {
  readonly #connection: SqliteConnection
  #update: SqliteStatement | undefined

  constructor(connection: SqliteConnection) {
    this.#connection = connection
  }

  /** The schema was loaded anew. */
  forget(): void {
    this.#update = undefined
  }

  /**
   * Within a transaction: the copy stands there once it is in.
   *
   * @param before - where the copy must stand now
   * @throws StemmaError REPLICA_WRITTEN when it does not
   */
  write({ position, digest, format }: NotedPlace, before: Position): void {
    this.#update ??= this.#connection.prepare(
      `UPDATE main.${COPY_TABLE} SET epoch = ?, sequence = ?, digest = ?, format = ? WHERE epoch = ? AND sequence = ?`,
    )
    const values = [BigInt(position.epoch), BigInt(position.sequence), BigInt.asIntN(64, digest), format]
    // Exactly once: the place must be the one that these entries were held against.
    if (this.#update.run(...values, BigInt(before.epoch), BigInt(before.sequence)) !== 1)
      throw new StemmaError('REPLICA_WRITTEN', `the copy no longer says that it stands at ${showPosition(before)}`, {})
  }
}

/** @throws StemmaError DATABASE_BUSY when another program writes to the copy */
export function beginWrite(begin: SqliteStatement): void {
  try {
    begin.run()
  } catch (error) {
    if (!isBusy(error)) throw error
    throw new StemmaError('DATABASE_BUSY', `another program writes to the copy`, {}, error)
  }
}
