import type { PageNumber } from '@stemma/base'

/** The smallest page, in bytes. */
export const PAGE_SIZE_MIN = 512

/** The largest page, in bytes. */
export const PAGE_SIZE_MAX = 65_536

/** No database has more pages. */
export const PAGE_COUNT_MAX = 0xfffffffe

/** Where SQLite keeps its file locks. The page that holds this byte is never data, and is never in a WAL. */
export const LOCK_BYTE = 0x40000000

/** True for a power of two from 512 to 65536. */
export function isPageSize(size: number): boolean {
  return size >= PAGE_SIZE_MIN && size <= PAGE_SIZE_MAX && (size & (size - 1)) === 0
}

/**
 * The page that holds the lock byte, at 1 GiB. SQLite skips it when it takes new pages; only a database larger than 1 GiB has it.
 *
 * @see https://sqlite.org/fileformat2.html#the_lock_byte_page
 */
export function lockBytePage(pageSize: number): PageNumber {
  return LOCK_BYTE / pageSize + 1
}
