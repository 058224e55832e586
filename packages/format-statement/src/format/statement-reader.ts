import {
  PayloadReader,
  damagedPayload,
  type ConnectionState,
  type LoggedStatement,
  type RecordedCall,
  type RecordedValues,
  type StatementFinding,
  type StatementOutcome,
  type StatementSettings,
  type StatementValue,
  type StatementVerdict,
} from '@stemma/log'
import {
  BLOB,
  FINDINGS_MAX,
  FOLLOWS,
  HAS_CONNECTION,
  HAS_DRAWN,
  HAS_ERROR,
  HAS_FINDINGS,
  HAS_NAMED,
  HAS_PLACED,
  HAS_RECORDED,
  HAS_ROWID,
  HAS_SETTINGS,
  HAS_TOLD,
  INTEGER,
  INTEGER_64,
  IS_REPEATABLE,
  ITEMS_MAX,
  NULL,
  ONE_CHANGE,
  REAL,
  REAL_WHOLE,
  SAFETY_BITS,
  SAFETY_NUMBERS,
  SETTINGS,
  TEXT,
  TEXT_AGAIN,
  USUAL_SETTINGS,
  VALUE_KIND_BITS,
} from './layout.ts'
import { unpackSql } from './sql-words.ts'
import { decodeUtf8 } from './utf8.ts'

interface KnownText {
  readonly sql: string
  readonly verdict: StatementVerdict
}

const NONE: readonly StatementValue[] = []

const real = new Float64Array(1)
const realBits = new BigInt64Array(real.buffer)

/** Reads what a `StatementWriter` wrote. All that is not so is DAMAGED_ENTRY. */
export class StatementReader extends PayloadReader {
  #items = 0
  readonly #texts: KnownText[] = []
  #settings: StatementSettings = KNOWN_SETTINGS[USUAL_SETTINGS]!

  /** All statements to the end. */
  statements(): LoggedStatement[] {
    const statements: LoggedStatement[] = []
    while (!this.isAtEnd) statements.push(this.#statement())
    if (statements.length === 0) throw damagedPayload(this.at, 'no statement')
    return statements
  }

  #statement(): LoggedStatement {
    this.#item()
    const flags = this.byte()
    const has = (flag: number): boolean => (flags & flag) !== 0
    const { sql, verdict } = has(TEXT_AGAIN) ? this.#textAgain() : this.#newText()
    const placed = has(HAS_PLACED) ? this.#values() : NONE
    const named = has(HAS_NAMED) ? this.#named() : undefined
    if (has(HAS_SETTINGS)) this.#settings = this.#readSettings()
    const error = has(HAS_ERROR) ? this.text() : undefined
    const lastInsertRowid = has(HAS_ROWID) ? this.#bigint() : undefined
    const outcome: StatementOutcome = { error, changes: has(ONE_CHANGE) ? 1 : this.varint(), lastInsertRowid }
    const recorded = has(HAS_RECORDED) ? this.#recorded() : undefined
    return { sql, placed, named, settings: this.#settings, outcome, verdict, recorded }
  }

  #textAgain(): KnownText {
    const index = this.varint()
    const known = this.#texts[index]
    if (known === undefined) throw damagedPayload(this.at, `text ${index} of ${this.#texts.length}`)
    return known
  }

  #newText(): KnownText {
    const text: KnownText = { sql: this.sql(), verdict: this.#verdict() }
    this.#texts.push(text)
    return text
  }

  #verdict(): StatementVerdict {
    const flags = this.byte()
    const safety = SAFETY_NUMBERS[flags & SAFETY_BITS]
    if (safety === undefined || flags >= 2 * HAS_FINDINGS) throw damagedPayload(this.at, 'an unknown verdict')
    const findings = (flags & HAS_FINDINGS) === 0 ? [] : this.findings()
    return { safety, isRepeatable: (flags & IS_REPEATABLE) !== 0, findings }
  }

  findings(): StatementFinding[] {
    const count = this.varint()
    if (count > FINDINGS_MAX) throw damagedPayload(this.at, `${count} findings`)
    const findings: StatementFinding[] = []
    for (let i = 0; i < count; i++) {
      this.#item()
      const code = this.text()
      const start = this.varint()
      const end = start + this.varint()
      const through = this.text()
      findings.push({ code, start, end, ...(through === '' ? {} : { through }) })
    }
    return findings
  }

  #readSettings(): StatementSettings {
    const settings = KNOWN_SETTINGS[this.byte()]
    if (settings === undefined) throw damagedPayload(this.at, 'unknown settings')
    return settings
  }

  #named(): Readonly<Record<string, StatementValue>> {
    const count = this.varint()
    const pairs: [string, StatementValue][] = []
    for (let i = 0; i < count; i++) pairs.push([this.text(), this.value()])
    return Object.fromEntries(pairs)
  }

  #recorded(): RecordedValues {
    const flags = this.byte()
    if (flags >= 2 * HAS_CONNECTION) throw damagedPayload(this.at, 'unknown flags of recorded values')
    const drawn = (flags & HAS_DRAWN) === 0 ? [] : this.#calls()
    const told = (flags & HAS_TOLD) === 0 ? [] : this.#calls()
    return { drawn, told, connection: (flags & HAS_CONNECTION) === 0 ? undefined : this.#connection() }
  }

  #calls(): RecordedCall[] {
    const count = this.varint()
    const calls: RecordedCall[] = []
    // A count that is too large runs into the end of the bytes.
    for (let i = 0; i < count; i++) {
      this.#item()
      calls.push({ function: this.text(), arguments: this.#values(), value: this.value() })
    }
    return calls
  }

  #connection(): ConnectionState {
    const lastInsertRowid = this.#bigint()
    return { lastInsertRowid, changes: this.#count(), totalChanges: this.#count() }
  }

  #count(): number {
    const count = Number(this.#bigint())
    if (!Number.isSafeInteger(count)) throw damagedPayload(this.at, 'a count that is too large')
    return count
  }

  #bigint(): bigint {
    const value = this.value()
    if (typeof value !== 'bigint') throw damagedPayload(this.at, 'an integer that is none')
    return value
  }

  #values(): readonly StatementValue[] {
    const count = this.varint()
    const values: StatementValue[] = []
    for (let i = 0; i < count; i++) values.push(this.value())
    return values
  }

  value(): StatementValue {
    this.#item()
    const head = this.byte()
    const kind = head & VALUE_KIND_BITS
    switch (kind) {
      case INTEGER:
        return BigInt(unzigzag(this.#tagged(head)))
      case REAL_WHOLE:
        return unzigzag(this.#tagged(head))
      case TEXT:
        return this.#decode(this.view(this.#tagged(head)))
      case BLOB:
        return this.view(this.#tagged(head))
    }
    if (head > VALUE_KIND_BITS) throw damagedPayload(this.at, 'an unknown kind of value')
    switch (kind) {
      case NULL:
        return null
      case INTEGER_64:
        return this.int64()
      case REAL:
        realBits[0] = this.int64()
        return real[0]!
      default:
        throw damagedPayload(this.at, 'an unknown kind of value')
    }
  }

  #tagged(head: number): number {
    const number = head >>> 3
    return number === FOLLOWS ? this.varint() : number
  }

  /** A number with its sign. */
  signed(): number {
    return unzigzag(this.varint())
  }

  text(): string {
    return this.#decode(this.view(this.varint()))
  }

  sql(): string {
    const head = this.varint()
    const bytes = this.view(Math.floor(head / 2))
    if (head % 2 === 0) return this.#decode(bytes)
    const sql = unpackSql(bytes)
    if (sql === undefined) throw damagedPayload(this.at, 'an unknown word of SQL')
    return sql
  }

  #decode(bytes: Uint8Array): string {
    try {
      return decodeUtf8(bytes)
    } catch (cause) {
      throw damagedPayload(this.at, 'a text that is no UTF-8', cause)
    }
  }

  #item(): void {
    if (++this.#items > ITEMS_MAX) throw damagedPayload(this.at, `more than ${ITEMS_MAX} values`)
  }
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

/** By their bits: the same object each time, so that it is quickly seen that nothing changed. */
const KNOWN_SETTINGS: readonly StatementSettings[] = Array.from({ length: 1 << SETTINGS.length }, (_, bits) => settingsOf(bits))

function settingsOf(bits: number): StatementSettings {
  const is = (i: number): boolean => (bits & (1 << i)) !== 0
  return {
    foreignKeys: is(0),
    deferForeignKeys: is(1),
    recursiveTriggers: is(2),
    caseSensitiveLike: is(3),
    ignoreCheckConstraints: is(4),
    reverseUnorderedSelects: is(5),
  }
}
