import { StemmaError, type Position } from '@stemma/base'
import { Packr, Unpackr } from 'msgpackr/pack'
import { HEADER_BYTES_MAX, TEXT_LENGTH_MAX } from './limits.ts'

/** A value as it may stand in the small fields of a message. */
export type Field = null | boolean | number | string | Uint8Array | readonly Field[]

const DEPTH_MAX = 4
const packr = new Packr({ useRecords: false })
const unpackr = new Unpackr({ useRecords: false })

/** Packs fields as a MessagePack array. */
export function packFields(fields: readonly Field[]): Uint8Array {
  return packr.pack(fields)
}

/**
 * Unpacks fields. The bytes are walked before MessagePack's decoder sees them, so that nothing is allocated on a count's word.
 *
 * @throws StemmaError PROTOCOL_MESSAGE when the bytes are not one array of the few kinds of values that we use
 */
export function unpackFields(bytes: Uint8Array): FieldReader {
  if (bytes.byteLength > HEADER_BYTES_MAX) throw nonsense(`fields of ${bytes.byteLength} bytes`)
  const kind = bytes[0]
  if (kind === undefined || !((kind >= 0x90 && kind <= 0x9f) || kind === 0xdc)) throw nonsense('fields that are no array')
  if (endOfValue(bytes, 0, 0) !== bytes.byteLength) throw nonsense('bytes behind the fields')
  return new FieldReader(unpackr.unpack(bytes) as readonly unknown[])
}

/** Where the value at an offset ends. Arrays, texts, bytes, numbers, booleans and null are all that there is. */
function endOfValue(bytes: Uint8Array, offset: number, depth: number): number {
  const kind = byteAt(bytes, offset)
  if (kind <= 0x7f || kind === 0xc0 || kind === 0xc2 || kind === 0xc3) return offset + 1
  if (kind >= 0xa0 && kind <= 0xbf) return skip(bytes, offset + 1, kind & 0x1f)
  if (kind >= 0x90 && kind <= 0x9f) return endOfArray(bytes, offset + 1, kind & 0x0f, depth)
  switch (kind) {
    case 0xcc: // uint8
      return skip(bytes, offset + 1, 1)
    case 0xcd: // uint16
      return skip(bytes, offset + 1, 2)
    case 0xce: // uint32
      return skip(bytes, offset + 1, 4)
    case 0xcb: // float64: integers beyond 32 bits
      return skip(bytes, offset + 1, 8)
    case 0xc4: // bin8
    case 0xd9: // str8
      return skip(bytes, offset + 2, byteAt(bytes, offset + 1))
    case 0xc5: // bin16
    case 0xda: // str16
      return skip(bytes, offset + 3, (byteAt(bytes, offset + 1) << 8) | byteAt(bytes, offset + 2))
    case 0xdc: // array16
      return endOfArray(bytes, offset + 3, (byteAt(bytes, offset + 1) << 8) | byteAt(bytes, offset + 2), depth)
    default:
      throw nonsense(`a value of kind 0x${kind.toString(16)}`)
  }
}

function endOfArray(bytes: Uint8Array, start: number, count: number, depth: number): number {
  if (depth >= DEPTH_MAX) throw nonsense(`more than ${DEPTH_MAX} arrays within each other`)
  let at = start
  for (let i = 0; i < count; i++) at = endOfValue(bytes, at, depth + 1)
  return at
}

function skip(bytes: Uint8Array, offset: number, length: number): number {
  if (offset + length > bytes.byteLength) throw nonsense('fields that end too early')
  return offset + length
}

function byteAt(bytes: Uint8Array, offset: number): number {
  const byte = bytes[offset]
  if (byte === undefined) throw nonsense('fields that end too early')
  return byte
}

/** Takes fields one after another, each checked. Fields that are left over belong to a newer version and are ignored. */
export class FieldReader {
  readonly #fields: readonly unknown[]
  #index = 0

  constructor(fields: readonly unknown[]) {
    this.#fields = fields
  }

  /** A whole number from `min` to `max`. */
  integer(name: string, max: number = Number.MAX_SAFE_INTEGER, min = 0): number {
    const value = this.#next()
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
      throw nonsense(`${name} ${show(value)}, wanted is a whole number from ${min} to ${max}`)
    }
    return value
  }

  /** A text of at most `max` characters, none of which is a control character. */
  text(name: string, max: number = TEXT_LENGTH_MAX): string {
    const value = this.#next()
    if (typeof value !== 'string' || value.length > max || hasControls(value)) {
      throw nonsense(`${name} ${show(value)}, wanted is a text of at most ${max} characters without control characters`)
    }
    return value
  }

  /** One of the given words. */
  word<const Words extends readonly string[]>(name: string, words: Words): Words[number] {
    const value = this.#next()
    if (typeof value !== 'string' || !words.includes(value))
      throw nonsense(`${name} ${show(value)}, wanted is one of ${words.join(', ')}`)
    return value
  }

  /** Bytes, copied out of the message. */
  bytes(name: string, max: number): Uint8Array {
    const value = this.#next()
    if (!(value instanceof Uint8Array) || value.byteLength > max)
      throw nonsense(`${name} ${show(value)}, wanted is at most ${max} bytes`)
    return new Uint8Array(value)
  }

  /** Two fields: epoch, then sequence. */
  position(name: string): Position {
    return { epoch: this.integer(`${name}'s epoch`, 0xffffffff, 1), sequence: this.integer(`${name}'s sequence`) }
  }

  /** 64 bits as 16 hexadecimal digits. */
  digest(name: string): bigint {
    const value = this.#next()
    if (typeof value !== 'string' || !/^[0-9a-f]{16}$/.test(value))
      throw nonsense(`${name} ${show(value)}, wanted are 16 hexadecimal digits`)
    return BigInt(`0x${value}`)
  }

  /** Bytes: a power of two from 512 to 65536. */
  pageSize(name: string): number {
    const value = this.integer(name, 65_536, 512)
    if ((value & (value - 1)) !== 0) throw nonsense(`${name} ${value}, wanted is a power of two`)
    return value
  }

  /** An array of at most `max` fields. */
  list(name: string, max: number): readonly unknown[] {
    const value = this.#next()
    if (!Array.isArray(value) || value.length > max) throw nonsense(`${name} ${show(value)}, wanted is a list of at most ${max}`)
    return value
  }

  /** True when no field is left. */
  get isAtEnd(): boolean {
    return this.#index >= this.#fields.length
  }

  /** True, and past it, when the next field is null. */
  isNull(): boolean {
    if (this.#fields[this.#index] !== null) return false
    this.#index++
    return true
  }

  #next(): unknown {
    return this.#fields[this.#index++]
  }
}

/** Writes 64 bits as 16 hexadecimal digits. */
export function showDigest(digest: bigint): string {
  return digest.toString(16).padStart(16, '0')
}

/** Makes any text fit for a field: no control characters, not too long. */
export function cleanText(text: string, max: number = TEXT_LENGTH_MAX): string {
  const cut = text.length > max ? `${text.slice(0, max - 1)}…` : text
  return hasControls(cut) ? Array.from(cut, (character) => (isControl(character.charCodeAt(0)) ? ' ' : character)).join('') : cut
}

/** The error for a message that makes no sense. */
export function nonsense(what: string): StemmaError {
  return new StemmaError('PROTOCOL_MESSAGE', `the other end sent ${what}`)
}

function hasControls(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (isControl(text.charCodeAt(i))) return true
  return false
}

/** C0, DEL, C1, and the marks that turn the direction of text around. */
function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`
  if (typeof value === 'string') return cleanText(JSON.stringify(value), 60)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return value === null ? 'null' : 'a list'
}
