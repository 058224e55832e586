import { StemmaError, type Position } from '@stemma/base'
import type { RowChange, TableChanges } from '@stemma/log'
import { RecordCells } from './record-cells.ts'
import { isSameRow, rowDiffers, showHeld, showRow, type FoundDifference } from './row-difference.ts'
import type { HeldRow, TableWriter } from './table-writer.ts'

export interface RowApplierOptions {
  /** Told of a difference that was gone over. */
  forced(difference: FoundDifference): void
  /** What to do when the copy's row is not what the leader's was: throw, or make it what the leader's becomes. */
  readonly onDifference: 'stop' | 'force'
}

/** A row that could not be written since others were in its way, which the same commit may move. */
interface Deferred {
  readonly writer: TableWriter
  readonly change: Pick<RowChange, 'kind' | 'rowid'>
  readonly row: HeldRow
}

/**
 * Writes the rows of one commit.
 *
 * Each row is tried at once. One that meets a constraint, as when two rows swap their values in a unique column, is taken out of the
 * way, and comes in when all other rows are done: the commit as a whole was possible on the leader.
 */
export class RowApplier {
  readonly #options: RowApplierOptions
  readonly #before = new RecordCells()
  readonly #after = new RecordCells()
  #deferred: Deferred[] = []
  #position: Position = { epoch: 0, sequence: 0 }

  constructor(options: RowApplierOptions) {
    this.#options = options
  }

  /** Begins a commit. */
  begin(position: Position): void {
    this.#position = position
    this.#deferred = []
  }

  /** Writes all rows of a table that is not altered. */
  write(table: TableChanges, writer: TableWriter): void {
    for (const change of table.rows()) {
      if (change.kind === 'insert') this.#insert(change, writer)
      else this.#change(change, writer)
    }
  }

  /** Deletes and updates the rows of a table that is not altered. `insert` does the rest. */
  change(table: TableChanges, writer: TableWriter): void {
    for (const change of table.rows()) if (change.kind !== 'insert') this.#change(change, writer)
  }

  /** Inserts the rows of a table. */
  insert(table: TableChanges, writer: TableWriter): void {
    for (const change of table.rows()) if (change.kind === 'insert') this.#insert(change, writer)
  }

  /** Deletes what a commit deletes or updates in a table that is altered: no index may see a row under another schema than it was made under. */
  takeOut(table: TableChanges, writer: TableWriter): void {
    for (const change of table.rows()) {
      if (change.kind === 'insert') continue
      if (change.kind === 'update' && change.columns !== undefined)
        throw new StemmaError('SNAPSHOT_NEEDED', `an altered table's rows are not whole in this entry`, { table: table.name })
      this.#delete(change, writer)
    }
  }

  /** Inserts what a commit inserts or updates in a table that was altered. */
  putIn(table: TableChanges, writer: TableWriter): void {
    for (const change of table.rows()) if (change.kind !== 'delete') this.#insert(change, writer)
  }

  /** Ends a commit: now the rows that were in the way are gone. */
  end(): void {
    for (const { writer, change, row } of this.#deferred) {
      try {
        writer.insertHeld(change.rowid, row)
      } catch (error) {
        if (!/constraint/i.test(String(error))) throw error
        this.#differs({ writer, change, here: undefined, leader: undefined, why: String((error as Error).message) })
        writer.insertHeld(change.rowid, row, true)
      }
    }
    this.#deferred = []
  }

  #insert(change: RowChange, writer: TableWriter): void {
    const after = this.#after
    after.read(change.after!)
    if (writer.insert(change.rowid, after)) return
    const row = writer.hold(after, change.columns)
    const here = writer.find(change.rowid, after)
    // A row of the same identity can't be what another row of this commit moves. A key that is equal only to its collation is another one.
    if (here !== undefined && isSameRow(here.slice(0, writer.description.shape.keyCount), row)) {
      this.#differs({ writer, change, here, leader: undefined })
      writer.delete(change.rowid, { before: after, columns: undefined, checked: false })
    }
    this.#deferred.push({ writer, change: { kind: change.kind, rowid: change.rowid }, row })
  }

  #change(change: RowChange, writer: TableWriter): void {
    if (change.kind === 'delete') this.#delete(change, writer)
    else this.#update(change, writer)
  }

  #update(change: RowChange, writer: TableWriter): void {
    const { rowid, columns } = change
    const after = this.#after
    after.read(change.after!)
    const before = this.#readBefore(change)
    if (writer.update(rowid, { before, after, columns })) return
    const here = writer.find(rowid, before ?? after)
    const leader = before && writer.hold(before, columns)
    if (here === undefined || (leader !== undefined && !isSameRow(leader, here))) {
      this.#differs({ writer, change, here, leader })
      if (here === undefined && columns !== undefined) return
    }
    // Either something is in its way, or it is to be forced: it goes, and comes again when all others are done.
    const row = writer.hold(after, columns, columns === undefined ? undefined : here)
    if (here !== undefined) writer.delete(rowid, { before: before ?? after, columns, checked: false })
    this.#deferred.push({ writer, change: { kind: 'update', rowid }, row })
  }

  #delete(change: RowChange, writer: TableWriter): void {
    const { rowid, columns } = change
    const before = this.#readBefore(change)
    if (writer.delete(rowid, { before, columns, checked: true })) return
    const here = writer.find(rowid, before)
    this.#differs({ writer, change, here, leader: before && writer.hold(before, columns) })
    if (here !== undefined) writer.delete(rowid, { before, columns, checked: false })
  }

  #readBefore(change: RowChange): RecordCells | undefined {
    if (change.before === undefined) return undefined
    this.#before.read(change.before)
    return this.#before
  }

  #differs(found: {
    readonly writer: TableWriter
    readonly change: Pick<RowChange, 'kind' | 'rowid'>
    readonly here: HeldRow | undefined
    readonly leader: HeldRow | undefined
    readonly why?: string
  }): void {
    const { writer, change, here, leader, why } = found
    const names = writer.description.layout.columns.map(({ name }) => name)
    const { keyCount } = writer.description.shape
    const keyRow = (here ?? leader ?? []).slice(0, keyCount)
    const difference: FoundDifference = {
      operation: change.kind,
      table: writer.name,
      key:
        keyCount === 0 ? `rowid ${change.rowid}` : keyRow.map((held) => (held === undefined ? '?' : showHeld(held))).join(', '),
      position: this.#position,
      here: here === undefined ? why : showRow(here, names),
      leader: leader === undefined ? undefined : showRow(leader, names),
    }
    if (this.#options.onDifference === 'stop') throw rowDiffers(difference)
    this.#options.forced(difference)
  }
}
