export type { Commit, PageChange } from './commit.ts'
export { COMPRESS_FROM, compressBody, decompressBody, type Compressor } from './compressed-body.ts'
export {
  ENTRY_BYTES_MAX,
  ENVELOPE_BYTES_MAX,
  ENVELOPE_VERSION,
  decodeEntry,
  encodeEntry,
  writeEntry,
  type DecodedEntry,
  type Entry,
} from './entry.ts'
export { escapeControls } from '@stemma/base'
export { decodeEntryHead, type EntryHead } from './entry-head.ts'
export type {
  CopyFormat,
  EntryDescription,
  FeedFormat,
  LogFormat,
  PageFormat,
  PageTarget,
  RowFormat,
  StatementFormat,
  View,
} from './format.ts'
export { PayloadReader, VARINT_END, damagedPayload } from './payload-reader.ts'
export { PayloadWriter } from './payload-writer.ts'
export { readColumn } from './read-column.ts'
export type { Affinity, Column, CommitRows, RowChange, SchemaChange, SchemaObject, TableChanges, TableLayout } from './rows.ts'
export type {
  CommitStatements,
  ConnectionState,
  LoggedStatement,
  RecordedCall,
  RecordedValues,
  RowsReason,
  Safety,
  StatementFinding,
  StatementOutcome,
  StatementSettings,
  StatementValue,
  StatementVerdict,
  StatementsOrRows,
} from './statements.ts'
export { BytesReader, sizeOfVarint, writeVarint } from './varint.ts'
