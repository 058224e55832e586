import { StemmaError } from '@stemma/base'
import type { Commit, EntryDescription, FeedFormat } from '@stemma/log'
import { describeEvents } from './describe.ts'
import { encodeEvents } from './encode.ts'

const VERSION = 1

/** What events say of where they come from. */
export interface DebeziumOptions {
  /** The logical name, which topics begin with, as Debezium's `topic.prefix`; the name of the database by default. */
  readonly name?: string | undefined
  /** The name of the database in events; `database` by default. */
  readonly db?: string | undefined
}

/** Rows as Debezium change events, one a line of JSON with its topic and key. It can only be read: nobody follows by it. */
export function newDebeziumFormat(options: DebeziumOptions = {}): FeedFormat {
  const db = options.db ?? 'database'
  const source = { name: options.name ?? db, db }
  return {
    name: 'debezium',
    version: VERSION,
    reads: [VERSION],
    view: 'rows',
    isFeedOnly: true,
    encode: (commit: Commit): Uint8Array => encodeEvents(commit, source, VERSION),
    describe(payload: Uint8Array, version: number): EntryDescription {
      if (version === VERSION) return describeEvents(payload)
      const what = `this payload has version ${version} of the debezium format, known is ${VERSION}`
      throw new StemmaError('DAMAGED_ENTRY', what, { version })
    },
  }
}

/** The format for a leader's database: events name it by its file, without the folder and what follows the last dot. */
export function format({ database }: { readonly database?: string | undefined } = {}): FeedFormat {
  const file = database?.split(/[\\/]/).at(-1)
  return newDebeziumFormat({ db: file?.replace(/(?<=.)\.[^.]*$/, '').replaceAll(/[^A-Za-z0-9._-]/g, '_') })
}
