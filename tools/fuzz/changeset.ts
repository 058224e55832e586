import type { SqliteValue } from '@stemma/base'
import { varintAt, varintSizeAt } from '@stemma/sqlite-file'

/** A row of a changeset. A value is undefined where the changeset does not tell it: columns of an update that did not change. */
export interface ChangesetRow {
  readonly table: string
  /** One of each column: whether it is in the primary key. */
  readonly isKey: readonly boolean[]
  readonly before: readonly (SqliteValue | undefined)[] | undefined
  readonly after: readonly (SqliteValue | undefined)[] | undefined
}

const INSERT = 18
const DELETE = 9

/**
 * Reads a changeset of SQLite's session extension.
 *
 *     table    'T'; count of columns (varint); for each, 0 or its place in the primary key; the name; a byte 0
 *     row      operation (18 insert, 23 update, 9 delete); 1 when a trigger did it; old record (not with an insert), new record (not with a delete)
 *     value    type (0 not told, 1 integer, 2 real, 3 text, 4 blob, 5 NULL); 8 bytes, or length (varint) and bytes
 *
 * @see https://www.sqlite.org/src/file/ext/session/sqlite3session.c, "Format of changesets"
 */
export function decodeChangeset(bytes: Uint8Array): ChangesetRow[] {
  const rows: ChangesetRow[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  let table = ''
  let isKey: readonly boolean[] = []
  while (at < bytes.byteLength) {
    const operation = bytes[at++]!
    if (operation === 'T'.charCodeAt(0)) {
      const count = number()
      isKey = Array.from(bytes.subarray(at, at + count), (place) => place !== 0)
      at += count
      const end = bytes.indexOf(0, at)
      table = Buffer.from(bytes.subarray(at, end)).toString()
      at = end + 1
      continue
    }
    at++
    const before = operation === INSERT ? undefined : isKey.map(value)
    const after = operation === DELETE ? undefined : isKey.map(value)
    rows.push({ table, isKey, before, after })
  }
  return rows

  function number(): number {
    const size = varintSizeAt(bytes, at, bytes.byteLength)
    at += size
    return varintAt(bytes, at - size)
  }

  function value(): SqliteValue | undefined {
    const type = bytes[at++]!
    switch (type) {
      case 0:
        return undefined
      case 1:
        at += 8
        return view.getBigInt64(at - 8)
      case 2:
        at += 8
        return view.getFloat64(at - 8)
      case 5:
        return null
    }
    const length = number()
    const part = bytes.subarray(at, at + length)
    at += length
    return type === 3 ? { kind: 'text', encoding: 'utf-8', bytes: part } : part
  }
}
