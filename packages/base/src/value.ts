/** Text as SQLite stores it: bytes in the database's encoding, which need not be valid. */
export interface SqliteText {
  readonly kind: 'text'
  readonly encoding: TextEncoding
  readonly bytes: Uint8Array
}

/** How a database stores its text. One encoding for a whole database. */
export type TextEncoding = 'utf-8' | 'utf-16le' | 'utf-16be'

/**
 * One value of a row.
 *
 * | SQLite | here |
 * | --- | --- |
 * | NULL | `null` |
 * | INTEGER | `bigint`, 64 bits, signed |
 * | REAL | `number`, the exact double |
 * | TEXT | `SqliteText` |
 * | BLOB | `Uint8Array` |
 */
export type SqliteValue = null | bigint | number | SqliteText | Uint8Array
