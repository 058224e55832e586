import { StemmaError } from '@stemma/base'
import type { EntryDescription, PageFormat, PageTarget } from '@stemma/log'
import { applyPayload } from './apply.ts'
import { describePayload } from './describe.ts'
import { encodePayload } from './encode.ts'

const VERSION = 1

/** WAL shipping: a commit as what changed in its pages against what they were before. */
export const walFormat: PageFormat = {
  name: 'wal',
  version: VERSION,
  reads: [VERSION],
  view: 'pages',
  encode: encodePayload,
  apply(payload: Uint8Array, version: number, target: PageTarget): void {
    checkVersion(version)
    applyPayload(payload, target)
  },
  describe(payload: Uint8Array, version: number): EntryDescription {
    checkVersion(version)
    return describePayload(payload)
  },
}

function checkVersion(version: number): void {
  if (version !== VERSION) {
    throw new StemmaError('DAMAGED_ENTRY', `this payload has version ${version} of the WAL format, known is ${VERSION}`, {
      version,
    })
  }
}
