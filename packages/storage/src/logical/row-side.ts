import { StemmaError, type Position } from '@stemma/base'
import type { CommitRows } from '@stemma/log'
import type { SqliteStatement } from '../sqlite/driver.ts'
import { CommitWriter, type CommitWriterOptions } from './commit-writer.ts'
import { PlaceNote, beginWrite, type NotedPlace } from './copy-side.ts'
import { StrippedSchema } from './stripped-schema.ts'

/** Writes commits that travel as rows, by a connection that goes by the stripped schema. */
export class RowSide {
  readonly #options: Omit<CommitWriterOptions, 'stripped'>
  readonly #stripped: StrippedSchema
  readonly #writer: CommitWriter
  readonly #begin: SqliteStatement
  readonly #commit: SqliteStatement
  readonly #note: PlaceNote

  constructor(options: Omit<CommitWriterOptions, 'stripped'>) {
    const { connection } = options
    this.#options = options
    this.#begin = connection.prepare('BEGIN IMMEDIATE')
    this.#commit = connection.prepare('COMMIT')
    this.#stripped = new StrippedSchema(connection)
    this.#writer = new CommitWriter({ ...options, stripped: this.#stripped })
    this.#note = new PlaceNote(connection)
  }

  /** A change of the schema is a transaction of its own. */
  isAlone(rows: CommitRows): boolean {
    return rows.schema.length > 0
  }

  start(): void {
    beginWrite(this.#begin)
    if (this.#stripped.isLoaded()) return
    this.#writer.forget()
    this.#options.connection.exec('ROLLBACK')
    this.#stripped.load()
    this.#note.forget()
    this.#begin.run()
    // Whoever changed the schema between these two calls does so again only if it wants to be in our way.
    if (!this.#stripped.isLoaded()) throw new StemmaError('DATABASE_BUSY', 'another program changes the schema of the copy', {})
  }

  write(rows: CommitRows, position: Position): void {
    this.#writer.write(rows, position)
  }

  end(place: NotedPlace, before: Position): void {
    this.#note.write(place, before)
    this.#commit.run()
  }

  /** After a failure: rolls back what is open. */
  rollback(): void {
    this.#stripped.forget()
    this.#writer.forget()
  }
}
