import {
  ENTRY_BYTES_MAX,
  PayloadWriter,
  type CommitStatements,
  type LoggedStatement,
  type RecordedCall,
  type RecordedValues,
  type StatementFinding,
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
  INLINE_MAX,
  INTEGER,
  INTEGER_64,
  IS_REPEATABLE,
  ITEMS_MAX,
  NULL,
  ONE_CHANGE,
  REAL,
  REAL_WHOLE,
  SAFETY_NUMBERS,
  SETTINGS,
  SHORT_NUMBER_END,
  TEXT,
  TEXT_AGAIN,
  USUAL_SETTINGS,
} from './layout.ts'
import { packSql } from './sql-words.ts'
import { encodeUtf8 } from './utf8.ts'

/** Packed texts that are remembered, and no longer ones than this. */
const PACKED_MAX = 500
const PACKED_LENGTH_MAX = 4096
/** A text of at most so many UTF-16 code units is tried as ASCII first. */
const PLAIN_MAX = 200

/** Thrown when a payload would be larger than an entry may be: the commit then travels as rows. */
export class PayloadTooLarge extends Error {}

const real = new Float64Array(1)
const realBits = new BigInt64Array(real.buffer)

/** Writes statements as `layout.ts` says. */
export class StatementWriter extends PayloadWriter {
  #items = 0
  readonly #packed = new Map<string, Uint8Array>()

  begin(): void {
    this.length = 0
    this.#items = 0
  }

  /** @throws PayloadTooLarge */
  statements({ statements }: CommitStatements): void {
    const texts = new Map<string, { readonly index: number; readonly verdict: StatementVerdict }>()
    let count = 0
    let settings = USUAL_SETTINGS
    for (const statement of statements) {
      const before = texts.get(statement.sql)
      const isAgain = before !== undefined && isSameVerdict(before.verdict, statement.verdict)
      const own = settingsBits(statement.settings)
      this.#statement(statement, isAgain ? before.index : undefined, own === settings ? undefined : own)
      settings = own
      if (!isAgain) texts.set(statement.sql, { index: count++, verdict: statement.verdict })
    }
  }

  #statement(statement: LoggedStatement, textIndex: number | undefined, settings: number | undefined): void {
    const { sql, placed, named, outcome, verdict, recorded } = statement
    const { error, changes, lastInsertRowid } = outcome
    this.#item()
    this.reserve(1)
    this.byte(
      (textIndex === undefined ? 0 : TEXT_AGAIN) |
        (placed.length > 0 ? HAS_PLACED : 0) |
        (named === undefined ? 0 : HAS_NAMED) |
        (settings === undefined ? 0 : HAS_SETTINGS) |
        (error === undefined ? 0 : HAS_ERROR) |
        (lastInsertRowid === undefined ? 0 : HAS_ROWID) |
        (recorded === undefined ? 0 : HAS_RECORDED) |
        (changes === 1 ? ONE_CHANGE : 0),
    )
    if (textIndex === undefined) {
      this.sql(sql)
      this.#verdict(verdict)
    } else {
      this.number(textIndex)
    }
    if (placed.length > 0) this.#values(placed)
    if (named !== undefined) this.#named(named)
    if (settings !== undefined) {
      this.reserve(1)
      this.byte(settings)
    }
    if (error !== undefined) this.text(error)
    if (lastInsertRowid !== undefined) this.value(lastInsertRowid)
    if (changes !== 1) this.number(changes)
    if (recorded !== undefined) this.#recorded(recorded)
  }

  #verdict({ safety, isRepeatable, findings }: StatementVerdict): void {
    this.reserve(1)
    this.byte(SAFETY_NUMBERS.indexOf(safety) | (isRepeatable ? IS_REPEATABLE : 0) | (findings.length > 0 ? HAS_FINDINGS : 0))
    if (findings.length > 0) this.findings(findings)
  }

  /** Their count and themselves, up to `FINDINGS_MAX`. */
  findings(findings: readonly StatementFinding[]): void {
    const told = findings.slice(0, FINDINGS_MAX)
    this.number(told.length)
    for (const { code, start, end, through } of told) {
      this.#item()
      this.text(code)
      this.number(start)
      this.number(end - start)
      this.text(through ?? '')
    }
  }

  #named(named: Readonly<Record<string, StatementValue>>): void {
    const pairs = Object.entries(named)
    this.number(pairs.length)
    for (const [name, value] of pairs) {
      this.text(name)
      this.value(value)
    }
  }

  #recorded({ drawn, told, connection }: RecordedValues): void {
    this.reserve(1)
    this.byte(
      (drawn.length > 0 ? HAS_DRAWN : 0) | (told.length > 0 ? HAS_TOLD : 0) | (connection === undefined ? 0 : HAS_CONNECTION),
    )
    if (drawn.length > 0) this.#calls(drawn)
    if (told.length > 0) this.#calls(told)
    if (connection === undefined) return
    this.value(connection.lastInsertRowid)
    this.value(BigInt(connection.changes))
    this.value(BigInt(connection.totalChanges))
  }

  #calls(calls: readonly RecordedCall[]): void {
    this.number(calls.length)
    for (const call of calls) {
      this.#item()
      this.text(call.function)
      this.#values(call.arguments)
      this.value(call.value)
    }
  }

  #values(values: readonly StatementValue[]): void {
    this.number(values.length)
    for (const value of values) this.value(value)
  }

  value(value: StatementValue): void {
    this.#item()
    this.reserve(16)
    if (value === null) this.byte(NULL)
    else if (typeof value === 'bigint') this.#integer(value)
    else if (typeof value === 'number') this.#real(value)
    else if (typeof value === 'string') this.#text(value)
    else this.#bytes(BLOB, value)
  }

  #integer(value: bigint): void {
    const number = Number(value)
    if (Math.abs(number) < SHORT_NUMBER_END) return this.#tagged(INTEGER, zigzag(number))
    this.byte(INTEGER_64)
    this.int64(value)
  }

  #real(value: number): void {
    if (Number.isInteger(value) && Math.abs(value) < SHORT_NUMBER_END && !Object.is(value, -0))
      return this.#tagged(REAL_WHOLE, zigzag(value))
    this.byte(REAL)
    real[0] = value
    this.int64(realBits[0]!)
  }

  /** Most texts are short and plain: those are not worth a call of the host. */
  #text(text: string): void {
    const { length } = text
    if (length > PLAIN_MAX) return this.#bytes(TEXT, encodeUtf8(text))
    const start = this.length
    this.#room(length)
    this.#tagged(TEXT, length)
    const { bytes } = this
    let at = this.length
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit >= 0x80) {
        this.length = start
        return this.#bytes(TEXT, encodeUtf8(text))
      }
      bytes[at++] = unit
    }
    this.length = at
  }

  #bytes(kind: number, bytes: Uint8Array): void {
    this.#room(bytes.byteLength)
    this.#tagged(kind, bytes.byteLength)
    this.copy(bytes, 0, bytes.byteLength)
  }

  #tagged(kind: number, number: number): void {
    if (number <= INLINE_MAX) return this.byte(kind | (number << 3))
    this.byte(kind | (FOLLOWS << 3))
    this.varint(number)
  }

  number(value: number): void {
    this.reserve(8)
    this.varint(value)
  }

  /** A number with its sign. */
  signed(value: number): void {
    this.number(zigzag(value))
  }

  text(text: string): void {
    const bytes = encodeUtf8(text)
    this.#room(bytes.byteLength)
    this.varint(bytes.byteLength)
    this.copy(bytes, 0, bytes.byteLength)
  }

  sql(sql: string): void {
    const packed = this.#pack(sql)
    const bytes = packed ?? encodeUtf8(sql)
    this.#room(bytes.byteLength)
    this.varint(2 * bytes.byteLength + (packed === undefined ? 0 : 1))
    this.copy(bytes, 0, bytes.byteLength)
  }

  #pack(sql: string): Uint8Array | undefined {
    if (sql.length > PACKED_LENGTH_MAX) return undefined
    const known = this.#packed.get(sql)
    if (known !== undefined) return known
    const packed = packSql(sql)
    if (packed === undefined) return undefined
    if (this.#packed.size >= PACKED_MAX) this.#packed.clear()
    this.#packed.set(sql, packed)
    return packed
  }

  #room(size: number): void {
    if (this.length + size > ENTRY_BYTES_MAX - 16) throw new PayloadTooLarge()
    this.reserve(16 + size)
  }

  #item(): void {
    if (++this.#items > ITEMS_MAX) throw new PayloadTooLarge()
  }
}

function zigzag(value: number): number {
  return value >= 0 ? 2 * value : -2 * value - 1
}

function settingsBits(settings: StatementSettings): number {
  let bits = 0
  for (let i = 0; i < SETTINGS.length; i++) if (settings[SETTINGS[i]!]) bits |= 1 << i
  return bits
}

function isSameVerdict(a: StatementVerdict, b: StatementVerdict): boolean {
  if (a === b || a.findings === b.findings) return a.safety === b.safety && a.isRepeatable === b.isRepeatable
  return a.isRepeatable === b.isRepeatable && JSON.stringify(a) === JSON.stringify(b)
}
