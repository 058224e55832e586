import { StemmaError } from '@stemma/base'
import Database from 'better-sqlite3'

/**
 * Opens the copy for reading: an ordinary better-sqlite3 database whose writes fail with an error that names the leader.
 *
 * @param leaderUrl - asked for when a write fails
 */
export function openCopyDatabase(path: string, leaderUrl: () => string): Database.Database {
  return new CopyDatabase(path, leaderUrl)
}

class CopyDatabase extends Database {
  readonly #leaderUrl: () => string

  constructor(path: string, leaderUrl: () => string) {
    super(path, { readonly: true, fileMustExist: true })
    this.#leaderUrl = leaderUrl
  }

  override prepare: Database.Database['prepare'] = (source: string) => {
    const statement = super.prepare(source)
    if (!statement.readonly) {
      const refuse = (): never => {
        throw this.#refusal()
      }
      Object.assign(statement, { run: refuse, get: refuse, all: refuse, iterate: refuse })
    }
    return statement as never
  }

  override exec(source: string): this {
    try {
      return super.exec(source)
    } catch (error) {
      const code = (error as { readonly code?: unknown }).code
      throw typeof code === 'string' && code.startsWith('SQLITE_READONLY') ? this.#refusal(error) : error
    }
  }

  #refusal(cause?: unknown): StemmaError {
    const url = this.#leaderUrl()
    return new StemmaError('REPLICA_READ_ONLY', `this is a copy; write to its leader at ${url}`, { leader: url }, cause)
  }
}
