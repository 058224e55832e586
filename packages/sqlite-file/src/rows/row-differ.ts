import type { PageNumber, TextEncoding } from '@stemma/base'
import { uint32At } from '../bytes.ts'
import { autoVacuumOf, DATABASE_HEADER_SIZE, decodeDatabaseHeader } from '../database-header.ts'
import { damagedPage } from '../damage.ts'
import { lockBytePage } from '../page-size.ts'
import { readPage, type Pages } from '../pages.ts'
import { isPointerMapPage } from '../pointer-map.ts'
import { SCHEMA_ROOT, readSchema, type SchemaRow } from '../schema.ts'
import { OverflowAccounts } from './overflow-accounts.ts'
import { PageNumbers, treeIdOf } from './page-map.ts'
import type { DatabaseChange, RowDifference, SchemaRowChange, TreeRows } from './row-difference.ts'
import { rowsUnknown } from './rows-unknown.ts'
import { sameBytes } from './same-bytes.ts'
import { isSameObject, matchSchema, treeShapeOf, type SchemaEntry, type ShapeOf } from './schema-match.ts'
import { isStructural, newTreeChange, walkLevels, type LevelContext, type Tree, type TreeChange } from './tree-change.ts'
import { rowsOf } from './tree-rows.ts'
import { isWritten } from './written.ts'

const SCHEMA_TREE_ID = 1

/** Where the header has the schema cookie. */
const SCHEMA_COOKIE_OFFSET = 40

/**
 * Tells what commits did to rows, from the pages before and after.
 *
 * It keeps, for each page of the database, the tree that it belongs to (4 bytes), and in a database without a pointer map, from the
 * first time that an overflow page was written in place, the owner of each overflow page (4 bytes more). So it has to see every
 * commit in order, also when nobody wants its rows. When `step` throws, it is of no use any more: make another from the database as it
 * is after that commit.
 */
export class RowDiffer {
  readonly #shapeOf: ShapeOf
  readonly #map = new PageNumbers(0)
  readonly #trees = new Map<number, Tree>()
  readonly #objects = new Map<bigint, SchemaEntry>()
  readonly #accounts = new OverflowAccounts()
  readonly #freeIds: number[] = []
  #encoding: TextEncoding = 'utf-8'
  #hasPointerMap = false

  /**
   * Makes the map. Reads the interior pages of all trees, the first leaf of each, and the schema.
   *
   * @param options - `pages`: the database before the first commit; `shapeOf` is asked for each table that has a tree
   * @throws StemmaError DAMAGED_FILE when something in them makes no sense
   */
  constructor(options: { readonly pages: Pages; readonly shapeOf: ShapeOf }) {
    const { pages, shapeOf } = options
    this.#shapeOf = shapeOf
    this.#trees.set(SCHEMA_TREE_ID, { id: SCHEMA_TREE_ID, shape: { content: 'rows', keyCount: 0 }, root: 0, row: undefined })
    if (pages.pageCount > 0) this.#touch({ before: emptyDatabase(pages), after: pages, written: [] })
  }

  /** Memory that grows with the database, in bytes. */
  get bytesOfMaps(): number {
    return this.#map.bytes + this.#accounts.bytes
  }

  /**
   * Takes in the next commit.
   *
   * @returns what it did to rows; the rows themselves are looked for when they are asked for
   * @throws StemmaError ROWS_UNKNOWN when its pages do not add up; DAMAGED_FILE when they make no sense
   */
  step(change: DatabaseChange): RowDifference {
    const { before, after } = change
    if (before.pageCount !== this.#map.pageCount) {
      throw rowsUnknown(`commits were left out: ${this.#map.pageCount} pages are known, there were ${before.pageCount}`, [])
    }
    if (before.pageCount > 0 && (before.pageSize !== after.pageSize || before.usableSize !== after.usableSize)) {
      throw rowsUnknown('the size of pages changed', [1])
    }
    const touched = this.#touch(change)
    const { changes } = touched
    this.#settleOverflow(change, changes)
    const isSchemaLate = touched.schema === undefined && changes.get(SCHEMA_TREE_ID)?.chains !== undefined
    const schema = isSchemaLate ? this.#lateSchema(change) : touched.schema
    const trees: TreeRows[] = []
    for (const treeChange of changes.values()) {
      const rows = treeRowsOf(treeChange, change, schema?.rowsBefore)
      if (rows !== undefined) trees.push(rows)
    }
    return { schema: schema?.changes ?? [], trees }
  }

  /** Finds what the commit touched of each tree, and takes it into the map. */
  #touch(change: DatabaseChange): { readonly changes: Map<number, TreeChange>; readonly schema: SchemaStep | undefined } {
    const { before, after, written } = change
    const changes = new Map<number, TreeChange>()
    let isSchemaTouched = before.pageCount === 0
    for (const pageNumber of written) {
      const place = this.#map.get(pageNumber)
      if (place === 0) continue
      const id = treeIdOf(place)
      this.#changeOf(changes, id).written.push(pageNumber)
      if (id === SCHEMA_TREE_ID && pageNumber !== SCHEMA_ROOT) isSchemaTouched = true
    }
    if (written[0] === 1 || isSchemaTouched) {
      this.#takeHeader(after)
      isSchemaTouched ||= hasOtherSchema(before.read(1), after.read(1))
    }
    const schema = isSchemaTouched ? this.#stepSchema(change) : undefined
    for (const [tree, root] of schema?.roots ?? []) {
      if (tree.root !== root) this.#changeOf(changes, tree.id).rootAfter = root
    }
    this.#walkTrees(change, changes)
    return { changes, schema }
  }

  #changeOf(changes: Map<number, TreeChange>, id: number): TreeChange {
    let treeChange = changes.get(id)
    if (treeChange === undefined) changes.set(id, (treeChange = newTreeChange(this.#trees.get(id)!)))
    return treeChange
  }

  #takeHeader(after: Pages): void {
    const start = decodeDatabaseHeader(readPage(after, 1, 0))
    if (start.kind === 'empty') throw damagedPage(1, 'it is empty')
    this.#encoding = start.header.textEncoding
    this.#hasPointerMap = autoVacuumOf(start.header) !== 'none'
  }

  /** Compares the schema after the commit with the one before it, and takes it for the one that is. */
  #stepSchema({ after, written }: DatabaseChange): SchemaStep {
    const matches = matchSchema({
      before: this.#objects,
      after: readSchema(after, this.#encoding),
      shapeOf: this.#shapeOf,
      isWritten: (pageNumber) => isWritten(written, pageNumber),
    })
    const step: SchemaStep = { changes: [], roots: new Map(), rowsBefore: new Map() }
    step.roots.set(this.#trees.get(SCHEMA_TREE_ID)!, SCHEMA_ROOT)
    this.#objects.clear()
    for (const match of matches) {
      const before = match.before?.row
      const row = match.after
      const tree = match.before?.tree ?? (row === undefined || row.rootPage === 0 ? undefined : this.#newTree(row))
      if (row !== undefined) this.#objects.set(row.rowid, { row, tree })
      if (before === undefined || row === undefined || !isSameObject(before, row)) step.changes.push({ before, after: row })
      if (tree === undefined) continue
      step.roots.set(tree, row?.rootPage ?? 0)
      step.rowsBefore.set(tree, before)
      tree.row = row
    }
    return step
  }

  /** The schema changed, and no page of its tree tells: a text on overflow pages was overwritten in place. */
  #lateSchema(change: DatabaseChange): SchemaStep {
    const step = this.#stepSchema(change)
    for (const [tree, root] of step.roots) {
      if (tree.root !== root) throw rowsUnknown('the root of a tree changed, but no page that names it', [tree.root, root])
    }
    return step
  }

  #newTree(row: SchemaRow): Tree {
    const id = this.#freeIds.pop() ?? this.#trees.size + 1
    const tree: Tree = { id, shape: treeShapeOf(row, this.#shapeOf), root: 0, row: undefined }
    this.#trees.set(id, tree)
    return tree
  }

  #walkTrees(change: DatabaseChange, changes: Map<number, TreeChange>): void {
    const context: LevelContext = { change, map: this.#map, mapChange: { left: [], joined: [], places: [] } }
    for (const treeChange of changes.values()) {
      if (isStructural(treeChange, context)) walkLevels(treeChange, context)
      else {
        treeChange.before.push(...treeChange.written)
        treeChange.after.push(...treeChange.written)
      }
    }
    const { left, joined, places } = context.mapChange
    for (const pageNumber of left) this.#map.set(pageNumber, 0)
    const cutOff = this.#map.resize(change.after.pageCount)
    if (cutOff !== 0) throw rowsUnknown('a page of a tree was cut off', [cutOff])
    for (const [i, pageNumber] of joined.entries()) {
      if (this.#map.get(pageNumber) !== 0) throw rowsUnknown('a page is in two trees, or twice in one', [pageNumber])
      this.#map.set(pageNumber, places[i]!)
    }
    for (const { tree, rootAfter } of changes.values()) {
      tree.root = rootAfter
      if (rootAfter !== 0) continue
      this.#trees.delete(tree.id)
      this.#freeIds.push(tree.id)
    }
  }

  #settleOverflow(change: DatabaseChange, changes: Map<number, TreeChange>): void {
    const { after, written } = change
    const unsettled: PageNumber[] = []
    for (const pageNumber of written) {
      if (this.#map.get(pageNumber) !== 0 || pageNumber === lockBytePage(after.pageSize)) continue
      if (this.#hasPointerMap && isPointerMapPage(pageNumber, after)) continue
      unsettled.push(pageNumber)
    }
    const context = { change, changes, map: this.#map, trees: this.#trees, hasPointerMap: this.#hasPointerMap }
    this.#accounts.settle(unsettled, context)
  }
}

/** What a commit did to the schema. */
interface SchemaStep {
  readonly changes: SchemaRowChange[]
  /** Where the root of each tree is now; 0 for one that was dropped. */
  readonly roots: Map<Tree, PageNumber>
  /** The row of each tree before; undefined for one that was created. */
  readonly rowsBefore: Map<Tree, SchemaRow | undefined>
}

function treeRowsOf(
  treeChange: TreeChange,
  change: DatabaseChange,
  rowsBefore: ReadonlyMap<Tree, SchemaRow | undefined> | undefined,
): TreeRows | undefined {
  const { tree } = treeChange
  const after = tree.row
  if (after === undefined || tree.shape.content === 'index') return undefined
  if (treeChange.before.length === 0 && treeChange.after.length === 0) return undefined
  const before = rowsBefore === undefined ? after : rowsBefore.get(tree)
  return { before, after, rows: () => rowsOf(treeChange, change) }
}

/** True when the header or the page itself says that the schema changed. */
function hasOtherSchema(before: Uint8Array, after: Uint8Array): boolean {
  if (uint32At(before, SCHEMA_COOKIE_OFFSET) !== uint32At(after, SCHEMA_COOKIE_OFFSET)) return true
  return !sameBytes(before, DATABASE_HEADER_SIZE, after, DATABASE_HEADER_SIZE, before.byteLength - DATABASE_HEADER_SIZE)
}

/** What was there before a database was. */
function emptyDatabase({ pageSize, usableSize }: Pages): Pages {
  const read = (pageNumber: PageNumber): Uint8Array => {
    throw damagedPage(pageNumber, 'it is not there yet')
  }
  return { pageSize, usableSize, pageCount: 0, read }
}
