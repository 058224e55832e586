import { StemmaError } from '@stemma/base'
import type { Commit, CommitRows, EntryDescription, RowFormat, TableLayout } from '@stemma/log'
import { decodePayload } from './decode.ts'
import { describePayload } from './describe.ts'
import { encodePayload } from './encode.ts'

const VERSION = 1

/**
 * Commits as changesets of SQLite's session extension: any SQLite that has it applies a payload as it is, `applyChangeset` of node:sqlite for one.
 * What changesets can't tell, such as changes of the schema, is beside it where those who apply changesets pass over it; see `facts.ts`.
 */
export const changesetFormat: RowFormat = {
  name: 'changeset',
  version: VERSION,
  reads: [VERSION],
  view: 'rows',
  encode: (commit: Commit): Uint8Array => encodePayload(commit.rows(), commit.position, VERSION),
  decode(payload: Uint8Array, version: number): CommitRows {
    checkVersion(version)
    return decodePayload(payload, version)
  },
  describe(payload: Uint8Array, version: number, layoutOf?: (table: string) => TableLayout | undefined): EntryDescription {
    checkVersion(version)
    return describePayload(payload, version, layoutOf)
  },
}

function checkVersion(version: number): void {
  if (version !== VERSION) {
    throw new StemmaError('DAMAGED_ENTRY', `this payload has version ${version} of the changeset format, known is ${VERSION}`, {
      version,
    })
  }
}
