/**
 * How a page is written: operations that go over it from its first byte to its last.
 *
 * Each begins with a byte whose two high bits say what it does; the six low bits are a length code, which an extra byte
 * may follow: 0 to 39 mean 1 to 40 bytes; 40 to 63 mean (code - 40) * 256 + extra byte + 41.
 *
 *     00  keep     so many bytes stay as they were
 *     01  literal  so many bytes follow
 *     10  move     so many bytes from another place of the page as it was before all operations; a signed varint follows:
 *                  where from, less where to
 *     11  special; by the six low bits:
 *           0      end: the rest of the page stays as it was
 *           1      ladder: 16-bit big-endian numbers, each more or less than the one before by a constant; then come
 *                  how many (varint), the first (2 bytes) and the constant (signed varint)
 *           2      insert: the next bytes of the page, as it stands by now, move up. Then come how many bytes go in (1 byte),
 *                  how many move (varint), and the bytes that go in. It goes on behind those
 *           3      remove: bytes of the page, as it stands by now, move down over those that are here. Then come how many
 *                  bytes go out (1 byte) and how many move (varint). It goes on with those that moved here
 *           4..7   not used
 *           8..63  borrow: from a lender, a page of the same group as it was before the commit; the number less 8 is its
 *                  index. Then come a length code (in a byte with its two high bits 0, and perhaps an extra byte) and
 *                  where from (varint)
 *
 * A signed varint is a zigzag number in an unsigned varint.
 */
export const KEEP = 0x00
export const LITERAL = 0x40
export const MOVE = 0x80
export const SPECIAL = 0xc0

export const END: number = SPECIAL
export const LADDER: number = SPECIAL | 1
export const INSERT: number = SPECIAL | 2
export const REMOVE: number = SPECIAL | 3
export const BORROW: number = SPECIAL | 8

/** How many bytes go in or out at most, and how often in one page. */
export const SPLICE_BYTES_MAX = 4
export const SPLICES_MAX = 32

/** How many pages one group may borrow from. */
export const LENDERS_MAX = 56

/** The longest run that one operation can name, in bytes. */
export const RUN_BYTES_MAX: number = 23 * 256 + 255 + 41

/** The shortest run that takes a second byte. */
export const RUN_BYTES_LONG = 41

/** Ends the pages of a group, where the head of the next would be. */
export const END_OF_PAGES = 0

/** How a page is given. */
export type PageMode =
  | 0 // edit: operations on the page in place; none moves
  | 1 // rearrange: operations on the page as it was; some move
  | 2 // fresh: operations on a page of zeros; none moves
  | 3 // raw: all of its bytes
export const EDIT: PageMode = 0
export const REARRANGE: PageMode = 1
export const FRESH: PageMode = 2
export const RAW: PageMode = 3

/** The page numbers that SQLite can have end here. */
export const PAGE_NUMBER_MAX = 0xfffffffe
