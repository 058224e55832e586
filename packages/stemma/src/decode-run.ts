import { StemmaError } from '@stemma/base'
import { decodeEntry, type DecodedEntry } from '@stemma/log'

/**
 * Decodes whole entries, one after another. Their payloads are views of `bytes`.
 *
 * @throws StemmaError DAMAGED_ENTRY when the bytes are not just that
 */
export function decodeRun(bytes: Uint8Array): DecodedEntry[] {
  const entries: DecodedEntry[] = []
  for (let offset = 0; offset < bytes.byteLength;) {
    const entry = decodeEntry(bytes, offset)
    if (entry === undefined) throw new StemmaError('DAMAGED_ENTRY', 'a run of entries ends within one', { offset })
    entries.push(entry)
    offset += entry.byteLength
  }
  return entries
}
