import { StemmaError, type SqliteValue } from '@stemma/base'
import { PayloadReader, damagedPayload } from '@stemma/log'
import { varintAt, varintBigintAt, varintSizeAt } from '@stemma/sqlite-file'
import {
  BLOB,
  CHANGESET_TABLE,
  COLUMNS_MAX,
  INTEGER,
  NOT_TOLD,
  NULL,
  OPERATION_CODES,
  PATCHSET_TABLE,
  REAL,
  TEXT,
  type ChangesetChange,
  type ChangesetRow,
  type ChangesetTable,
} from './changeset.ts'

type Operation = ChangesetChange['operation']

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Reads a changeset or patchset, whoever made it.
 *
 * All of it is looked through once, so that what is read later makes sense. A table may come again, when changesets were put one behind another.
 *
 * @param bytes - read when changes are asked for: not to be changed meanwhile
 * @throws StemmaError DAMAGED_ENTRY when the bytes are no changeset
 */
export function decodeChangeset(bytes: Uint8Array): ChangesetTable[] {
  const reader = new ChangesetReader(bytes, 0)
  const tables: ChangesetTable[] = []
  while (!reader.isAtEnd) tables.push(reader.table())
  return tables
}

/** Reads what a `ChangesetWriter` wrote, and what SQLite writes. */
export class ChangesetReader extends PayloadReader {
  readonly #view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength)

  table(): ChangesetTable {
    const mark = this.byte()
    if (mark !== CHANGESET_TABLE && mark !== PATCHSET_TABLE) throw damagedPayload(this.at - 1, 'no table begins here')
    const isPatchset = mark === PATCHSET_TABLE
    const columns = this.size()
    if (columns === 0 || columns > COLUMNS_MAX) throw damagedPayload(this.at, `a table of ${columns} columns`)
    const key = Array.from(this.view(columns))
    const end = this.bytes.indexOf(0, this.at)
    if (end < 0) throw damagedPayload(this.at, 'a name without an end')
    const name = UTF8.decode(this.view(end - this.at))
    this.skip(1)
    const { bytes, at: start } = this
    let count = 0
    for (; this.#isChange(); count++) this.change(key, isPatchset, skipValue)
    const stop = this.at
    return { name, key, isPatchset, count, changes: () => readChanges(bytes, { start, stop, key, isPatchset }) }
  }

  change<V extends SqliteValue>(
    key: readonly number[],
    isPatchset: boolean,
    read: (reader: ChangesetReader) => V | undefined,
  ): ChangesetChange {
    const operation = operationOf(this.byte())
    if (operation === undefined) throw damagedPayload(this.at - 1, 'no change begins here')
    const isIndirect = this.byte() !== 0
    const row = (isWanted: (place: number) => boolean): ChangesetRow =>
      key.map((place) => (isWanted(place) ? read(this) : undefined))
    const isInPatch = isPatchset && operation === 'update'
    const before = operation === 'insert' || isInPatch ? undefined : row((place) => !isPatchset || place > 0)
    const after = operation === 'delete' ? undefined : row(() => true)
    if (!isInPatch) return { operation, isIndirect, before, after }
    return {
      operation,
      isIndirect,
      before: key.map((place, i) => (place > 0 ? after![i] : undefined)),
      after: key.map((place, i) => (place > 0 ? undefined : after![i])),
    }
  }

  /** A length or count, as SQLite's varint. */
  size(): number {
    const size = this.#varintSize()
    const value = varintAt(this.bytes, this.at)
    this.at += size
    return value
  }

  /** A number of 64 bits, as SQLite's varint. */
  integer(): bigint {
    const size = this.#varintSize()
    const value = varintBigintAt(this.bytes, this.at)
    this.at += size
    return value
  }

  /** Bytes with their length before them; a view. */
  sized(): Uint8Array {
    return this.view(this.size())
  }

  value(): SqliteValue | undefined {
    const kind = this.byte()
    switch (kind) {
      case NOT_TOLD:
        return undefined
      case NULL:
        return null
      case INTEGER:
        this.skip(8)
        return this.#view.getBigInt64(this.at - 8)
      case REAL: {
        this.skip(8)
        const real = this.#view.getFloat64(this.at - 8)
        return Number.isNaN(real) ? null : real
      }
      case TEXT:
        return { kind: 'text', encoding: 'utf-8', bytes: this.sized() }
      case BLOB:
        return this.sized()
    }
    throw damagedPayload(this.at - 1, `a value of kind ${kind}`)
  }

  #isChange(): boolean {
    return !this.isAtEnd && operationOf(this.bytes[this.at]!) !== undefined
  }

  #varintSize(): number {
    try {
      return varintSizeAt(this.bytes, this.at, this.bytes.byteLength)
    } catch (cause) {
      if (!StemmaError.is(cause)) throw cause
      throw damagedPayload(this.at, 'the bytes end within a number', cause)
    }
  }
}

function operationOf(code: number): Operation | undefined {
  if (code === OPERATION_CODES.insert) return 'insert'
  if (code === OPERATION_CODES.update) return 'update'
  return code === OPERATION_CODES.delete ? 'delete' : undefined
}

/** Reads on behind a value without making it. */
function skipValue(reader: ChangesetReader): undefined {
  const kind = reader.byte()
  if (kind === INTEGER || kind === REAL) reader.skip(8)
  else if (kind === TEXT || kind === BLOB) reader.skip(reader.size())
  else if (kind !== NOT_TOLD && kind !== NULL) throw damagedPayload(reader.at - 1, `a value of kind ${kind}`)
}

function* readChanges(
  bytes: Uint8Array,
  table: { readonly start: number; readonly stop: number; readonly key: readonly number[]; readonly isPatchset: boolean },
): Generator<ChangesetChange, void, undefined> {
  const reader = new ChangesetReader(bytes, table.start)
  while (reader.at < table.stop) yield reader.change(table.key, table.isPatchset, (each) => each.value())
}
