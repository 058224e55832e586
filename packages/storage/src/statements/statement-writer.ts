import type {
  LoggedStatement,
  RecordedCall,
  RecordedValues,
  StatementSettings,
  StatementValue,
  StatementVerdict,
} from '@stemma/log'
import { BLOB, HAS_ERROR, HAS_NAMED, HAS_RECORDED, HAS_ROWID, INTEGER, NULL, REAL, SHORT_TEXT, TEXT } from './record-layout.ts'

/** A text that was sent, with what is known of it. */
interface KnownText {
  readonly number: number
  readonly verdict: StatementVerdict
  /** What it takes in memory, about. */
  readonly size: number
}

/** Thrown when a statement has no room. Nothing of it counts then. */
export class NoRoom extends Error {
  override readonly name = 'NoRoom'
}

/**
 * Writes statements into a ring of bytes. Each text goes over once, and is a number from then on.
 *
 * It is on the way of each write of a program, so it makes no objects.
 */
export class StatementWriter {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #text: Buffer
  readonly #known = new Map<string, KnownText>()
  #knownSize = 0
  #nextNumber = 0
  /** Texts that the record being written brings, in order, and where each of them stands. */
  readonly #news: { readonly sql: string; readonly at: number }[] = []
  #settings: StatementSettings | undefined
  #settingsByte = 0
  /** Where the next byte goes. */
  at = 0
  /** No byte goes here or further; the owner sets it. */
  limit = 0

  constructor(bytes: Uint8Array, view: DataView) {
    this.#bytes = bytes
    this.#view = view
    this.#text = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength)
  }

  /** True when the record that is being written brings texts. */
  get hasNews(): boolean {
    return this.#news.length > 0
  }

  /** True when so many texts are known that it is time for `forget`. */
  get isFull(): boolean {
    return this.#known.size > TEXTS_MAX || this.#knownSize > TEXTS_SIZE_MAX
  }

  /** Forgets all texts: the next record says so. */
  forget(): void {
    this.#known.clear()
    this.#knownSize = 0
    this.#news.length = 0
  }

  /** The record was given on: whoever takes it knows its texts. */
  keepNews(): void {
    if (this.#news.length > 0) this.#news.length = 0
  }

  /** What stands at `at` or behind it will not be given on. */
  dropNews(at: number): void {
    for (let last = this.#news.at(-1); last !== undefined && last.at >= at; last = this.#news.at(-1)) {
      this.#knownSize -= this.#known.get(last.sql)!.size
      this.#known.delete(last.sql)
      this.#news.pop()
    }
  }

  /** Writes a statement. Throws NoRoom. */
  write(statement: LoggedStatement): void {
    const { named, outcome, recorded } = statement
    this.#putText(statement.sql, statement.verdict)
    const { error, lastInsertRowid } = outcome
    this.#room(2 + 8)
    this.#bytes[this.at++] =
      (named === undefined ? 0 : HAS_NAMED) |
      (error === undefined ? 0 : HAS_ERROR) |
      (lastInsertRowid === undefined ? 0 : HAS_ROWID) |
      (recorded === undefined ? 0 : HAS_RECORDED)
    if (statement.settings !== this.#settings) this.#setSettings(statement.settings)
    this.#bytes[this.at++] = this.#settingsByte
    if (lastInsertRowid !== undefined) {
      this.#view.setBigInt64(this.at, lastInsertRowid, true)
      this.at += 8
    }
    this.#putCount(outcome.changes)
    this.#putValues(statement.placed)
    if (named !== undefined) this.#putNamed(named)
    if (error !== undefined) this.#putString(error)
    if (recorded !== undefined) this.#putRecorded(recorded)
  }

  #putText(sql: string, verdict: StatementVerdict): void {
    const known = this.#known.get(sql)
    if (known !== undefined && known.verdict === verdict) return this.#putCount(known.number * 2)
    const at = this.at
    const number = this.#nextNumber
    this.#putCount(number * 2 + 1)
    this.#putString(sql)
    this.#putString(JSON.stringify(verdict))
    // Another verdict for the same text: the one before is not news any more, whatever becomes of this record.
    if (known !== undefined) this.#forgetOne(sql, known)
    const size = this.at - at
    this.#nextNumber++
    this.#known.set(sql, { number, verdict, size })
    this.#knownSize += size
    this.#news.push({ sql, at })
  }

  #forgetOne(sql: string, known: KnownText): void {
    const at = this.#news.findIndex((news) => news.sql === sql)
    if (at >= 0) this.#news.splice(at, 1)
    this.#knownSize -= known.size
  }

  #setSettings(settings: StatementSettings): void {
    this.#settings = settings
    this.#settingsByte =
      (settings.foreignKeys ? 1 : 0) |
      (settings.deferForeignKeys ? 2 : 0) |
      (settings.recursiveTriggers ? 4 : 0) |
      (settings.caseSensitiveLike ? 8 : 0) |
      (settings.ignoreCheckConstraints ? 16 : 0) |
      (settings.reverseUnorderedSelects ? 32 : 0)
  }

  #putNamed(named: Readonly<Record<string, StatementValue>>): void {
    const names = Object.keys(named)
    this.#putCount(names.length)
    for (const name of names) {
      this.#putString(name)
      this.#putValue(named[name]!)
    }
  }

  #putRecorded({ drawn, told, connection }: RecordedValues): void {
    this.#putCalls(drawn)
    this.#putCalls(told)
    this.#room(1 + 8)
    this.#bytes[this.at++] = connection === undefined ? 0 : 1
    if (connection === undefined) return
    this.#view.setBigInt64(this.at, connection.lastInsertRowid, true)
    this.at += 8
    this.#putCount(connection.changes)
    this.#putCount(connection.totalChanges)
  }

  #putCalls(calls: readonly RecordedCall[]): void {
    this.#putCount(calls.length)
    for (const call of calls) {
      this.#putString(call.function)
      this.#putValues(call.arguments)
      this.#putValue(call.value)
    }
  }

  #putValues(values: readonly StatementValue[]): void {
    this.#putCount(values.length)
    for (let i = 0; i < values.length; i++) this.#putValue(values[i]!)
  }

  #putValue(value: StatementValue): void {
    this.#room(9)
    if (typeof value === 'number') {
      this.#bytes[this.at] = REAL
      this.#view.setFloat64(this.at + 1, value, true)
      this.at += 9
    } else if (typeof value === 'bigint') {
      this.#bytes[this.at] = INTEGER
      this.#view.setBigInt64(this.at + 1, value, true)
      this.at += 9
    } else if (typeof value === 'string') {
      if (this.#tryShortText(value)) return
      this.#bytes[this.at++] = TEXT
      this.#putString(value)
    } else if (value === null) this.#bytes[this.at++] = NULL
    else this.#putBlob(value)
  }

  #putBlob(value: Uint8Array): void {
    this.#room(5 + value.byteLength)
    this.#bytes[this.at] = BLOB
    this.#view.setUint32(this.at + 1, value.byteLength, true)
    this.#bytes.set(value, this.at + 5)
    this.at += 5 + value.byteLength
  }

  #tryShortText(value: string): boolean {
    const { length } = value
    if (length > SHORT_MAX) return false
    this.#room(2 + length)
    const bytes = this.#bytes
    let at = this.at + 2
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i)
      if (unit > 127) return false
      bytes[at++] = unit
    }
    bytes[this.at] = SHORT_TEXT
    bytes[this.at + 1] = length
    this.at = at
    return true
  }

  /** What is no whole character becomes U+FFFD, as it does when better-sqlite3 binds it. */
  #putString(value: string): void {
    this.#room(4 + (value.length > LONG ? Buffer.byteLength(value) : value.length * 3))
    const size = this.#text.write(value, this.at + 4, 'utf8')
    this.#view.setUint32(this.at, size, true)
    this.at += 4 + size
  }

  /** A number from 0 to 2^53 - 1. */
  #putCount(count: number): void {
    this.#room(8)
    for (let rest = count; ; rest = Math.floor(rest / 128)) {
      if (rest < 128) {
        this.#bytes[this.at++] = rest
        return
      }
      this.#bytes[this.at++] = (rest % 128) | 128
    }
  }

  #room(count: number): void {
    if (this.at + count > this.limit) throw new NoRoom()
  }
}

/** Characters up to which a loop is faster than a call out of JavaScript. */
const SHORT_MAX = 40
/** Characters from which it is worth to count bytes first. */
const LONG = 4096
const TEXTS_MAX = 4096
const TEXTS_SIZE_MAX = 4 * 1024 * 1024
