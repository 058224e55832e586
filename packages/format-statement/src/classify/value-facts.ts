export type Affinity = 'integer' | 'text' | 'blob' | 'real' | 'numeric' | 'none'

/** What is known of the values of a column or an expression. */
export interface ValueFacts {
  /** `none` is that of an expression which is neither a column nor a CAST: a comparison converts nothing for its sake. */
  readonly affinity: Affinity
  /** In upper case. */
  readonly collation: string
  readonly notNull: boolean
  /** Every value is an INTEGER or NULL. */
  readonly isInteger: boolean
  /** No value is a number. */
  readonly isText: boolean
  /** Values that are equal are the same: not so for 'a' and 'A' under NOCASE, or 1 and 1.0 in a column without type. */
  readonly isExact: boolean
}

/** A column, of a table or of the result of a SELECT; the name in lower case. */
export interface NamedFacts {
  readonly name: string
  readonly facts: ValueFacts
}

export const UNKNOWN_VALUE: ValueFacts = {
  affinity: 'none',
  collation: 'BINARY',
  notNull: false,
  isInteger: false,
  isText: false,
  isExact: false,
}
export const INTEGER_VALUE: ValueFacts = {
  affinity: 'none',
  collation: 'BINARY',
  notNull: false,
  isInteger: true,
  isText: false,
  isExact: true,
}
export const TEXT_VALUE: ValueFacts = {
  affinity: 'none',
  collation: 'BINARY',
  notNull: false,
  isInteger: false,
  isText: true,
  isExact: true,
}
/** A rowid, whether or not a column has been named for it. */
export const ROWID_VALUE: ValueFacts = {
  affinity: 'integer',
  collation: 'BINARY',
  notNull: true,
  isInteger: true,
  isText: false,
  isExact: true,
}

export const REAL_VALUE: ValueFacts = {
  affinity: 'none',
  collation: 'BINARY',
  notNull: false,
  isInteger: false,
  isText: false,
  isExact: true,
}
/** The same for every row, whatever it is. */
export const CONSTANT_VALUE: ValueFacts = { ...UNKNOWN_VALUE, isExact: true }

/** What is known of a value that is one of several, as in CASE. */
export function oneOf(values: readonly ValueFacts[]): ValueFacts {
  const notNull = values.every((each) => each.notNull)
  if (values.every(({ isInteger }) => isInteger)) return { ...INTEGER_VALUE, notNull }
  if (values.every(({ isText, isExact }) => isText && isExact)) return { ...TEXT_VALUE, notNull }
  return { ...UNKNOWN_VALUE, notNull }
}

/** The affinity that a declared type gives, by the five rules of https://sqlite.org/datatype3.html. */
export function affinityOf(declared: string | undefined): Affinity {
  const type = (declared ?? '').toUpperCase()
  if (type.includes('INT')) return 'integer'
  if (/CHAR|CLOB|TEXT/.test(type)) return 'text'
  if (type === '' || type.includes('BLOB')) return 'blob'
  return /REAL|FLOA|DOUB/.test(type) ? 'real' : 'numeric'
}

export interface ColumnDeclaration {
  readonly type: string | undefined
  readonly collation: string
  readonly notNull: boolean
  readonly strict: boolean
}

/** What a column's declaration promises. */
export function factsOfColumn({ type, collation, notNull, strict }: ColumnDeclaration): ValueFacts {
  const upper = (type ?? '').toUpperCase()
  const affinity = strict && upper === 'ANY' ? 'blob' : affinityOf(type)
  const isInteger = strict && affinity === 'integer'
  // Only TEXT is compared by the collation, but a column that is not STRICT may hold TEXT whatever its type.
  const collates = collation !== 'BINARY' && !(strict && affinity !== 'text' && upper !== 'ANY')
  const mixes = affinity === 'blob' && !(strict && upper === 'BLOB')
  const isText = affinity === 'text'
  return { affinity, collation, notNull, isInteger, isText, isExact: !collates && !mixes }
}

const NUMERIC: ReadonlySet<Affinity> = new Set(['integer', 'real', 'numeric'])

/**
 * Whether `key = other` finds no two values of `key` that a unique index takes for different.
 *
 * It would when the comparison uses another collation, or makes numbers of texts.
 */
export function comparesAsUnique(key: ValueFacts, other: ValueFacts, isKeyOnTheLeft: boolean): boolean {
  const collation = isKeyOnTheLeft || !isColumn(other) ? key.collation : other.collation
  if (collation !== key.collation) return false
  return NUMERIC.has(key.affinity) || !NUMERIC.has(other.affinity)
}

function isColumn({ affinity }: ValueFacts): boolean {
  return affinity !== 'none'
}

/** SQLite brings these three; all others are the program's. */
export function isOwnCollation(collation: string): boolean {
  return collation === 'BINARY' || collation === 'NOCASE' || collation === 'RTRIM'
}
