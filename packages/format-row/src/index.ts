export { ZSTD } from './compression.ts'
export { newRowFormat, rowFormat, type RowFormatOptions, type RowImage } from './row-format.ts'
