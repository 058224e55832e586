export type { Commit, PageChange } from './commit.ts'
export {
  ENTRY_BYTES_MAX,
  ENVELOPE_VERSION,
  checksumOfEntry,
  decodeEntry,
  encodeEntry,
  type DecodedEntry,
  type Entry,
} from './entry.ts'
export type { EntryDescription, LogFormat, PageTarget, View } from './format.ts'
export { BytesReader, sizeOfVarint, writeVarint } from './varint.ts'
