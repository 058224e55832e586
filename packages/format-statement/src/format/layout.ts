import type { Safety, StatementSettings } from '@stemma/log'

/**
 * # The payload
 *
 *     payload    1 byte of flags: 1 rows; 2 a reason (of rows), a time zone (of statements); 4 the body is compressed
 *                the body; if compressed: its length (v), then the body as the compressor packs it
 *     rows       the name (t) and version (v) of the format of the rows; with a reason: SQL (s), findings; then a payload of that format
 *     statements schema version (z); the time zone (s), unless it is UTC; statements to the end
 *     statement  1 byte of flags: 1 a text that came before; 2 values by place; 4 values by name; 8 settings; 16 an error; 32 a rowid;
 *                64 recorded values; 128 one row changed
 *                the text: which of those before, from 0 (v); or a new one (s) and its verdict
 *                then, where flags say so: count of values (v) and these; count of values (v), each with its name (t) before it;
 *                1 byte of settings, which are otherwise those of the statement before; the code of the error (t);
 *                the last rowid, a value; how many rows changed (v) unless it is one; what was recorded
 *     verdict    1 byte: the safety, from 0; plus 8 it can be run again; 16 findings: their count (v) and these
 *     finding    code (t), start (v), length (v), through what (t), empty for nothing
 *     recorded   1 byte: 1 drawn calls; 2 told calls; 4 the state of the connection; then those, each list with its count (v) before it
 *     call       the function (t), count of arguments (v), these, the value
 *     state      last rowid, changes, total changes: values
 *     value      1 byte: the kind in the low 3 bits; above them a small number, 31 for one that follows (v)
 *                0 NULL; 1 INTEGER, its number as (z); 2 INTEGER, 8 bytes follow; 3 REAL, 8 bytes follow; 4 REAL without a fraction, its
 *                number as (z); 5 TEXT, 6 BLOB: the number is the length in bytes, which follow
 *     s          SQL, or a time zone: its length in bytes (v) times 2, plus 1 for words of the dictionary; then UTF-8, or ASCII in which bytes from 128 on are
 *                such words (see `sql-words.ts`)
 *     t          text: its length in UTF-8 (v), then UTF-8
 *     v          an unsigned LEB128 number; z: one with a sign as 2 * n, or -2 * n - 1 for those below 0
 *
 * Numbers of 8 bytes are little-endian.
 */
export const IS_ROWS = 1
export const HAS_REASON = 2
export const HAS_TIME_ZONE = 2
export const COMPRESSED = 4

export const TEXT_AGAIN = 1
export const HAS_PLACED = 2
export const HAS_NAMED = 4
export const HAS_SETTINGS = 8
export const HAS_ERROR = 16
export const HAS_ROWID = 32
export const HAS_RECORDED = 64
export const ONE_CHANGE = 128

/** By number, from 0. */
export const SAFETY_NUMBERS: readonly Safety[] = ['safe', 'context', 'record', 'rows', 'reject']
export const SAFETY_BITS = 7
export const IS_REPEATABLE = 8
export const HAS_FINDINGS = 16

export const HAS_DRAWN = 1
export const HAS_TOLD = 2
export const HAS_CONNECTION = 4

/** By bit, from 1. */
export const SETTINGS: readonly (keyof StatementSettings)[] = [
  'foreignKeys',
  'deferForeignKeys',
  'recursiveTriggers',
  'caseSensitiveLike',
  'ignoreCheckConstraints',
  'reverseUnorderedSelects',
]
/** What most connections have, and what the first statement has if it does not say. */
export const USUAL_SETTINGS = 1

export const VALUE_KIND_BITS = 7
export const NULL = 0
export const INTEGER = 1
export const INTEGER_64 = 2
export const REAL = 3
export const REAL_WHOLE = 4
export const TEXT = 5
export const BLOB = 6
/** Above the kind: so much, or as a number that follows. */
export const INLINE_MAX = 30
export const FOLLOWS = 31

/** Numbers below this, of either sign, are not written as 8 bytes. */
export const SHORT_NUMBER_END: number = 2 ** 40

/** No payload holds more statements, values, findings and calls together: what is decoded must not take memory without bounds. */
export const ITEMS_MAX = 2_000_000
/** No more of a statement that does not travel is told, in UTF-16 code units, and no more of its findings. */
export const REASON_SQL_MAX = 2048
export const FINDINGS_MAX = 32
