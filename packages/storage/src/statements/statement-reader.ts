import { assert } from '@stemma/base'
import type {
  LoggedStatement,
  RecordedCall,
  RecordedValues,
  StatementSettings,
  StatementValue,
  StatementVerdict,
} from '@stemma/log'
import { BLOB, HAS_ERROR, HAS_NAMED, HAS_RECORDED, HAS_ROWID, INTEGER, NULL, REAL, SHORT_TEXT, TEXT } from './record-layout.ts'

/** Texts by their numbers, with what is known of them. */
export type Texts = Map<number, { readonly sql: string; readonly verdict: StatementVerdict }>

/** Reads what a `StatementWriter` wrote, and adds the texts that it brings. What it gives are views into `bytes`. */
export function readStatements(bytes: Uint8Array, count: number, texts: Texts): LoggedStatement[] {
  const reader = new StatementReader(bytes, texts)
  const statements: LoggedStatement[] = []
  for (let i = 0; i < count; i++) statements.push(reader.statement())
  return statements
}

class StatementReader {
  readonly #bytes: Buffer
  readonly #view: DataView
  readonly #texts: Texts
  #at = 0

  constructor(bytes: Uint8Array, texts: Texts) {
    this.#bytes = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#texts = texts
  }

  statement(): LoggedStatement {
    const { sql, verdict } = this.#text()
    const flags = this.#byte()
    const settings = SETTINGS[this.#byte()]!
    const lastInsertRowid = (flags & HAS_ROWID) === 0 ? undefined : this.#integer()
    const changes = this.#count()
    const placed = this.#values()
    const named = (flags & HAS_NAMED) === 0 ? undefined : this.#named()
    const error = (flags & HAS_ERROR) === 0 ? undefined : this.#string()
    const recorded = (flags & HAS_RECORDED) === 0 ? undefined : this.#recorded()
    return { sql, placed, named, settings, outcome: { error, changes, lastInsertRowid }, verdict, recorded }
  }

  #text(): { readonly sql: string; readonly verdict: StatementVerdict } {
    const head = this.#count()
    const number = Math.floor(head / 2)
    if (head % 2 === 1) {
      const sql = this.#string()
      this.#texts.set(number, { sql, verdict: JSON.parse(this.#string()) as StatementVerdict })
    }
    const known = this.#texts.get(number)
    assert(known !== undefined, `the journal never told text ${number}`)
    return known
  }

  #named(): Record<string, StatementValue> {
    const entries: [string, StatementValue][] = []
    for (let rest = this.#count(); rest > 0; rest--) entries.push([this.#string(), this.#value()])
    return Object.fromEntries(entries)
  }

  #recorded(): RecordedValues {
    const [drawn, told] = [this.#calls(), this.#calls()]
    const connection =
      this.#byte() === 0 ? undefined : { lastInsertRowid: this.#integer(), changes: this.#count(), totalChanges: this.#count() }
    return { drawn, told, connection }
  }

  #calls(): RecordedCall[] {
    const calls: RecordedCall[] = []
    for (let rest = this.#count(); rest > 0; rest--) {
      calls.push({ function: this.#string(), arguments: this.#values(), value: this.#value() })
    }
    return calls
  }

  #values(): StatementValue[] {
    const values: StatementValue[] = []
    for (let rest = this.#count(); rest > 0; rest--) values.push(this.#value())
    return values
  }

  #value(): StatementValue {
    const kind = this.#byte()
    switch (kind) {
      case NULL:
        return null
      case INTEGER:
        return this.#integer()
      case REAL:
        this.#at += 8
        return this.#view.getFloat64(this.#at - 8, true)
      case TEXT:
        return this.#string()
      case SHORT_TEXT:
        return this.#ascii(this.#byte())
      default:
        assert(kind === BLOB, 'a kind of value')
        return this.#take(this.#uint32())
    }
  }

  #string(): string {
    const byteLength = this.#uint32()
    this.#at += byteLength
    return this.#bytes.toString('utf8', this.#at - byteLength, this.#at)
  }

  #ascii(length: number): string {
    this.#at += length
    return this.#bytes.toString('latin1', this.#at - length, this.#at)
  }

  #take(byteLength: number): Uint8Array {
    this.#at += byteLength
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + this.#at - byteLength, byteLength)
  }

  #integer(): bigint {
    this.#at += 8
    return this.#view.getBigInt64(this.#at - 8, true)
  }

  #uint32(): number {
    this.#at += 4
    return this.#view.getUint32(this.#at - 4, true)
  }

  #count(): number {
    let [count, factor] = [0, 1]
    for (;;) {
      const byte = this.#byte()
      count += (byte & 127) * factor
      if (byte < 128) return count
      factor *= 128
    }
  }

  #byte(): number {
    return this.#bytes[this.#at++]!
  }
}

/** By the byte that stands for them. */
const SETTINGS: readonly StatementSettings[] = Array.from({ length: 64 }, (_, byte) => ({
  foreignKeys: (byte & 1) !== 0,
  deferForeignKeys: (byte & 2) !== 0,
  recursiveTriggers: (byte & 4) !== 0,
  caseSensitiveLike: (byte & 8) !== 0,
  ignoreCheckConstraints: (byte & 16) !== 0,
  reverseUnorderedSelects: (byte & 32) !== 0,
}))
