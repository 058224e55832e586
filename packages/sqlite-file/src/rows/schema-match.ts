import type { PageNumber } from '@stemma/base'
import type { SchemaRow } from '../schema.ts'
import type { TreeShape } from './row-difference.ts'
import type { Tree } from './tree-change.ts'

/** An object of the schema, and its tree when it has one. */
export interface SchemaEntry {
  readonly row: SchemaRow
  readonly tree: Tree | undefined
}

/** What became of an object: it stayed, was created (no `before`) or dropped (no `after`). */
export interface SchemaMatch {
  readonly before: SchemaEntry | undefined
  readonly after: SchemaRow | undefined
}

/** Above all rowids. */
const ROWIDS_END = 2n ** 63n

/** How the records of an object's tree are to be read. */
export type ShapeOf = (row: SchemaRow) => TreeShape

/** The shape of a tree; an index needs no asking. */
export function treeShapeOf(row: SchemaRow, shapeOf: ShapeOf): TreeShape {
  return row.kind === 'table' ? shapeOf(row) : { content: 'index', keyCount: 0 }
}

export interface MatchOptions {
  readonly before: ReadonlyMap<bigint, SchemaEntry>
  readonly after: readonly SchemaRow[]
  readonly shapeOf: ShapeOf
  readonly isWritten: (pageNumber: PageNumber) => boolean
}

/**
 * Finds out which objects of two schemas are the same.
 *
 * An object is the same when it has the rowid that it had in `sqlite_schema`, and its name. Among those that are left, one is the same
 * that has the same name and SQL: VACUUM gives new rowids and new roots to all. Among those that are left then, one is the same that
 * has the same rowid and the same root: it goes by another name. Roots come last, since VACUUM may give a root to an object that
 * has the rowid of the one that had this root before.
 *
 * Triggers of a table fire in an order that is that of their rowids, so one that has come behind another is never the same.
 *
 * A table whose rows would have to be read in another way, or whose keys are others, is never the same. Nor is an index whose root was
 * written while its SQL or that of its table changed: ALTER changes the SQL alone, so this one may have been dropped and made anew, of
 * other columns or in another order.
 *
 * @param options - `before` by rowid, `after` in the order of rowids; `isWritten` tells of a page whether the commit wrote it
 */
export function matchSchema(options: MatchOptions): SchemaMatch[] {
  const { before, after } = options
  const sqlBefore = tableTexts(Array.from(before.values(), ({ row }) => row))
  const sqlAfter = tableTexts(after)
  const isStill = (entry: SchemaEntry, row: SchemaRow): boolean => {
    if (!canStay(entry, row, options)) return false
    if (row.kind !== 'index' || row.sql === undefined) return true
    const isSame = entry.row.sql === row.sql && sqlBefore.get(entry.row.tableName) === sqlAfter.get(row.tableName)
    return isSame || (entry.row.rootPage === row.rootPage && !options.isWritten(row.rootPage))
  }
  const matches: SchemaMatch[] = []
  const rest = new Map(before)
  let strangers = after
  const matchThose = (entryOf: (row: SchemaRow) => SchemaEntry | undefined): void => {
    strangers = strangers.filter((row) => {
      const entry = entryOf(row)
      if (entry === undefined || !rest.has(entry.row.rowid) || !isStill(entry, row)) return true
      rest.delete(entry.row.rowid)
      matches.push({ before: entry, after: row })
      return false
    })
  }
  matchThose((row) => entryWith(rest.get(row.rowid), (entry) => entry.name === row.name))
  const byText = new Map(Array.from(rest.values(), (entry) => [textOf(entry.row), entry]))
  matchThose((row) => byText.get(textOf(row)))
  matchThose((row) => entryWith(rest.get(row.rowid), (entry) => entry.rootPage === row.rootPage))
  for (const row of strangers) matches.push({ before: undefined, after: row })
  for (const entry of rest.values()) matches.push({ before: entry, after: undefined })
  return partMovedTriggers(matches)
}

/**
 * Takes apart those triggers that were created anew in another order. Of each table the first ones stay, as long as they come in the order that they
 * had: whoever drops the others and creates them in the order of their rowids has the same order.
 */
function partMovedTriggers(matches: readonly SchemaMatch[]): SchemaMatch[] {
  const moved = new Set<SchemaMatch>()
  const ends = new Map<string, bigint>()
  const triggers = matches.filter(({ after }) => after?.kind === 'trigger')
  for (const match of triggers.toSorted((a, b) => (a.after!.rowid < b.after!.rowid ? -1 : 1))) {
    const table = match.after!.tableName
    const [end, rowid] = [ends.get(table) ?? 0n, match.before?.row.rowid]
    // Behind one that is new, or was moved, all are.
    if (rowid !== undefined && rowid < end) moved.add(match)
    ends.set(table, rowid === undefined || rowid < end ? ROWIDS_END : rowid)
  }
  if (moved.size === 0) return [...matches]
  return matches.flatMap((match) =>
    moved.has(match)
      ? [
          { before: match.before, after: undefined },
          { before: undefined, after: match.after },
        ]
      : match,
  )
}

function entryWith(entry: SchemaEntry | undefined, isWanted: (row: SchemaRow) => boolean): SchemaEntry | undefined {
  return entry !== undefined && isWanted(entry.row) ? entry : undefined
}

/** True when an object is another only in where its tree is. */
export function isSameObject(before: SchemaRow, after: SchemaRow): boolean {
  return before.name === after.name && before.tableName === after.tableName && before.sql === after.sql
}

function canStay({ row, tree }: SchemaEntry, after: SchemaRow, { shapeOf }: MatchOptions): boolean {
  if (row.kind !== after.kind || (tree === undefined) !== (after.rootPage === 0)) return false
  if (tree === undefined || row.sql === after.sql) return true
  const [shape, known] = [treeShapeOf(after, shapeOf), tree.shape]
  return shape.content === known.content && shape.keyCount === known.keyCount && shape.keys === known.keys
}

function tableTexts(rows: readonly SchemaRow[]): Map<string, string | undefined> {
  return new Map(rows.flatMap(({ kind, name, sql }) => (kind === 'table' ? [[name, sql]] : [])))
}

function textOf(row: SchemaRow): string {
  return `${row.kind} ${row.name}\0${row.sql ?? ''}`
}
