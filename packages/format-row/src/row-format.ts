import { StemmaError } from '@stemma/base'
import type { Commit, CommitRows, EntryDescription, RowFormat } from '@stemma/log'
import { decodePayload } from './decode.ts'
import { describePayload, type LayoutOf } from './describe.ts'
import { encodePayload, type RowImage } from './encode.ts'

export type { RowImage } from './encode.ts'

const VERSION = 1

/** What is written. Nothing here is needed to read it. */
export interface RowFormatOptions {
  /**
   * How much of a row that was updated or deleted is told. `full`, which is the default: all of it, so that a follower notices when
   * its row is another. `changed`: its key and the columns that changed, old and new; entries are smaller, and only these are compared.
   */
  readonly image?: RowImage | undefined
}

/** The logical log: a commit as the rows that it inserted, updated and deleted. What one writes, another reads, whatever its options. */
export function newRowFormat(options: RowFormatOptions = {}): RowFormat {
  const image = options.image ?? 'full'
  return {
    name: 'row',
    version: VERSION,
    reads: [VERSION],
    view: 'rows',
    encode: (commit: Commit): Uint8Array => encodePayload(commit.rows(), image),
    decode(payload: Uint8Array, version: number): CommitRows {
      checkVersion(version)
      return decodePayload(payload)
    },
    describe(payload: Uint8Array, version: number, layoutOf?: LayoutOf): EntryDescription {
      checkVersion(version)
      return describePayload(payload, layoutOf)
    },
  }
}

/** The logical log with old and new rows whole. */
export const rowFormat: RowFormat = newRowFormat()

function checkVersion(version: number): void {
  if (version !== VERSION) {
    throw new StemmaError('DAMAGED_ENTRY', `this payload has version ${version} of the row format, known is ${VERSION}`, {
      version,
    })
  }
}
