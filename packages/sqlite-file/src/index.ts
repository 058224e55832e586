export { PAYLOAD_SIZE_MAX, decodeCell, localPayloadSize, type Cell } from './cell.ts'
export {
  DATABASE_HEADER_SIZE,
  autoVacuumOf,
  decodeDatabaseHeader,
  encodeDatabaseHeader,
  type AutoVacuum,
  type DatabaseHeader,
  type DatabaseStart,
} from './database-header.ts'
export { decodeFreelistTrunk, walkFreelist, type FreelistStart, type FreelistTrunk } from './freelist.ts'
export { HOST_ORDER, type WordOrder } from './host-order.ts'
export { overflowPageCount, readPayload, walkOverflow, type OverflowPage } from './overflow.ts'
export { LOCK_BYTE, PAGE_COUNT_MAX, PAGE_SIZE_MAX, PAGE_SIZE_MIN, isPageSize, lockBytePage } from './page-size.ts'
export { readPageUses, type PageKind, type PageUse } from './page-uses.ts'
export { hasPage, pagesOf, readPage, type Pages } from './pages.ts'
export {
  isPointerMapPage,
  pointerMapEntryOf,
  pointerMapPageOf,
  setPointerMapEntry,
  type PageSizes,
  type PointerKind,
  type PointerMapEntry,
} from './pointer-map.ts'
export { decodeRecord, encodeRecord, serialTypeOf, sizeOfSerialType } from './record.ts'
export { RowDiffer } from './rows/row-differ.ts'
export type { DatabaseChange, RecordChange, RowDifference, SchemaRowChange, TreeRows, TreeShape } from './rows/row-difference.ts'
export type { ShapeOf } from './rows/schema-match.ts'
export { SCHEMA_ROOT, decodeSchemaRow, readSchema, type SchemaKind, type SchemaRow } from './schema.ts'
export { showName, showValue } from './show-value.ts'
export { newText, showText } from './text.ts'
export {
  cellOffset,
  childOf,
  decodeTreePage,
  freeBlocksOf,
  freeSpaceOf,
  isLeaf,
  isTable,
  treePageKindOf,
  type FreeBlock,
  type TreePage,
  type TreePageKind,
} from './tree-page.ts'
export { TREE_DEPTH_MAX, walkTree, walkTreePages, type TreeCell, type TreeNode } from './tree.ts'
export { VARINT_SIZE_MAX, sizeOfSqliteVarint, varintAt, varintBigintAt, varintSizeAt, writeSqliteVarint } from './varint.ts'
export { WalChecksum } from './wal-checksum.ts'
export {
  FRAME_HEADER_SIZE,
  FrameChain,
  decodeFrameHeader,
  frameCommitPageCount,
  frameOffset,
  framePageNumber,
  framesIn,
  type ChainStart,
  type FrameHeader,
  type NewFrame,
} from './wal-frame.ts'
export {
  WAL_HEADER_SIZE,
  WAL_VERSION,
  decodeWalHeader,
  encodeWalHeader,
  type NewWalHeader,
  type WalHeader,
  type WalStart,
} from './wal-header.ts'
export {
  HASH_TABLE_OFFSET,
  WAL_INDEX_BLOCK_SIZE,
  WalIndexBlock,
  firstFrameOf,
  hashBlockOf,
  lastFrameOf,
  pageNumberOffset,
  slotOffset,
  walIndexSize,
  type Appended,
} from './wal-index-block.ts'
export {
  READ_MARK_COUNT,
  READ_MARK_UNUSED,
  WAL_INDEX_COPY_SIZE,
  WAL_INDEX_HEADER_SIZE,
  decodeCheckpointInfo,
  decodeWalIndexHeader,
  encodeWalIndexHeader,
  type CheckpointInfo,
  type WalIndexHeader,
  type WalIndexStart,
} from './wal-index-header.ts'
