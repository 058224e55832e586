import type { Affinity } from '@stemma/log'

/**
 * The affinity that a declared type gives a column.
 *
 * @param type - as `PRAGMA table_xinfo` shows it; empty when there is none
 * @param isStrict - of the table: there ANY takes a value as it is
 * @see https://sqlite.org/datatype3.html#determination_of_column_affinity
 */
export function affinityOf(type: string, isStrict: boolean): Affinity {
  const name = type.toUpperCase()
  if (isStrict && name === 'ANY') return 'blob'
  if (name.includes('INT')) return 'integer'
  if (/CHAR|CLOB|TEXT/.test(name)) return 'text'
  if (name === '' || name.includes('BLOB')) return 'blob'
  if (/REAL|FLOA|DOUB/.test(name)) return 'real'
  return 'numeric'
}

/** A type that gives an affinity. */
export const TYPE_OF_AFFINITY: Readonly<Record<Affinity, string>> = {
  blob: 'BLOB',
  text: 'TEXT',
  numeric: 'NUMERIC',
  integer: 'INTEGER',
  real: 'REAL',
}
