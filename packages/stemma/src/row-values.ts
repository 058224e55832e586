import type { SqliteValue, TextEncoding } from '@stemma/base'
import { readColumn, type TableLayout } from '@stemma/log'
import { decodeRecord } from '@stemma/sqlite-file'

/**
 * The values of a whole record, one for each column of its layout, as SQL reads them: the rowid where a column is an alias of it, a double where
 * a REAL column stores an integer, the default where the row is older than the column. Texts and blobs are views of the record.
 *
 * @throws StemmaError DAMAGED_FILE when the record makes no sense
 */
export function readRow(rowid: bigint, record: Uint8Array, layout: TableLayout, encoding: TextEncoding): SqliteValue[] {
  const stored = decodeRecord(record, encoding)
  return layout.columns.map((_, index) => readColumn(rowid, stored, index, index, layout))
}
