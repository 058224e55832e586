// Every host has these two; the compiler's plain library does not name them.
declare const TextDecoder: new (
  label: string,
  options: { readonly ignoreBOM: boolean; readonly fatal: boolean },
) => { decode(bytes: Uint8Array): string }
declare const TextEncoder: new () => { encode(text: string): Uint8Array }

const DECODER = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })
const ENCODER = new TextEncoder()

/** A text in UTF-8. Half a surrogate becomes U+FFFD, which is what SQLite's drivers make of it too. */
export function encodeUtf8(text: string): Uint8Array {
  return ENCODER.encode(text)
}

/** @throws TypeError when the bytes are no UTF-8 */
export function decodeUtf8(bytes: Uint8Array): string {
  // Most texts are short and plain.
  if (bytes.byteLength < 32) {
    let text = ''
    for (const byte of bytes) {
      if (byte >= 0x80) return DECODER.decode(bytes)
      text += String.fromCharCode(byte)
    }
    return text
  }
  return DECODER.decode(bytes)
}
