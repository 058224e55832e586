/**
 * A record of one transaction, in the order of this machine's program: it never leaves the process. Numbers are little-endian.
 *
 *     offset size
 *      0     4    bytes of the record
 *      4     4    flags: HAS_NEWS, FORGETS, IS_BEFORE
 *      8    12    where its commit is in the WAL: salt 1, salt 2, frame
 *     20     4    schema cookie
 *     24     4    statements
 *     28     …    statements
 *
 * A statement is its text's number, doubled, and 1 more when the text follows; flags; settings; values; and its outcome. See `StatementWriter`.
 */
export const HEADER_BYTES = 28

export const LENGTH_AT = 0
export const FLAGS_AT = 4
export const SALT1_AT = 8
export const SALT2_AT = 12
export const FRAME_AT = 16
export const SCHEMA_AT = 20
export const COUNT_AT = 24

/** Some text stands in it for the first time. */
export const HAS_NEWS = 1
/** Texts of earlier records are not used any more from this one on. */
export const FORGETS = 2
/** The commit is the first one behind the frame; otherwise it ends with it. */
export const IS_BEFORE = 4

/** Flags of a statement. */
export const HAS_NAMED = 1
export const HAS_ERROR = 2
export const HAS_ROWID = 4
export const HAS_RECORDED = 8

/** Kinds of values. */
export const NULL = 0
export const INTEGER = 1
export const REAL = 2
export const TEXT = 3
export const BLOB = 4
/** Up to 127 characters of ASCII, their number in one byte. */
export const SHORT_TEXT = 5
