import type { SqliteText, TextEncoding } from '@stemma/base'
import { uint16At } from './bytes.ts'

// Every host has these two; the compiler's plain library does not name them.
declare const TextDecoder: new (label: string, options: { ignoreBOM: boolean }) => { decode(bytes: Uint8Array): string }
declare const TextEncoder: new () => { encode(text: string): Uint8Array }

/** The characters of a text. Bytes that are no valid UTF-8 become U+FFFD; the odd byte at the end of UTF-16 is left out. */
export function showText(text: SqliteText): string {
  const { bytes, encoding } = text
  if (encoding === 'utf-8') return UTF8_DECODER.decode(bytes)
  let characters = ''
  for (let at = 0; at + 1 < bytes.byteLength; at += 2) {
    const unit = uint16At(bytes, at)
    characters += String.fromCharCode(encoding === 'utf-16be' ? unit : ((unit & 0xff) << 8) | (unit >>> 8))
  }
  return characters
}

/** A text as a database of an encoding stores it. */
export function newText(characters: string, encoding: TextEncoding): SqliteText {
  if (encoding === 'utf-8') return { kind: 'text', encoding, bytes: UTF8_ENCODER.encode(characters) }
  const bytes = new Uint8Array(2 * characters.length)
  for (let i = 0; i < characters.length; i++) {
    const unit = characters.charCodeAt(i)
    bytes[2 * i] = encoding === 'utf-16be' ? unit >>> 8 : unit
    bytes[2 * i + 1] = encoding === 'utf-16be' ? unit : unit >>> 8
  }
  return { kind: 'text', encoding, bytes }
}

const UTF8_DECODER = new TextDecoder('utf-8', { ignoreBOM: true })
const UTF8_ENCODER = new TextEncoder()
