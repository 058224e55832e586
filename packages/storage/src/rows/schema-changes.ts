import { StemmaError } from '@stemma/base'
import type { SchemaChange, SchemaObject } from '@stemma/log'
import type { SchemaRow, SchemaRowChange } from '@stemma/sqlite-file'

/** Tables that keep Stemma's own things in a user's database have names that begin so; they are no part of what is told. */
const OWN_PREFIX = '_stemma_'

/** True for tables of Stemma's own, and for what belongs to them. */
export function isOwn(row: SchemaRow): boolean {
  return [row.name, row.tableName].some((name) => name.toLowerCase().startsWith(OWN_PREFIX))
}

/**
 * Changes of the schema in an order in which they can be made: what depends on a table is dropped before it, tables are altered before what
 * belongs to them, and things are created in the order of their rowids, as they were.
 *
 * @throws StemmaError ROWS_UNKNOWN when a table that was Stemma's own has become another's: nobody knows its rows
 */
export function showSchemaChanges(changes: readonly SchemaRowChange[]): SchemaChange[] {
  if (changes.length === 0) return NONE
  const [drops, alterations, creations]: [SchemaRow[], [SchemaRow, SchemaRow][], SchemaRow[]] = [[], [], []]
  for (const { before, after } of changes) {
    const wasTold = before !== undefined && !isOwn(before)
    const isTold = after !== undefined && !isOwn(after)
    if (before !== undefined && !wasTold && isTold) {
      throw new StemmaError('ROWS_UNKNOWN', `${before.name} has been renamed to ${after.name}, and what it held was never told`)
    }
    if (wasTold && isTold) alterations.push([before, after])
    else if (wasTold) drops.push(before)
    else if (isTold) creations.push(after)
  }
  drops.sort((a, b) => KINDS.indexOf(b.kind) - KINDS.indexOf(a.kind) || byRowid(a, b))
  alterations.sort(([a], [b]) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || byRowid(a, b))
  creations.sort(byRowid)
  return [
    ...drops.map((row): SchemaChange => ({ kind: 'drop', object: objectOf(row) })),
    ...alterations.map(([before, after]): SchemaChange => ({ kind: 'alter', before: objectOf(before), after: objectOf(after) })),
    ...creations.map((row): SchemaChange => ({ kind: 'create', object: objectOf(row) })),
  ]
}

const NONE: SchemaChange[] = []

/** Each can only depend on those before it. */
const KINDS: readonly SchemaRow['kind'][] = ['table', 'index', 'view', 'trigger']

function byRowid(a: SchemaRow, b: SchemaRow): number {
  return a.rowid < b.rowid ? -1 : 1
}

function objectOf({ kind, name, tableName, sql, rootPage }: SchemaRow): SchemaObject {
  return { kind, name, tableName, sql, hasTree: rootPage !== 0 }
}
