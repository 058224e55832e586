import { FRAME_HEADER_BYTES, encodeFrameHeader, encodePreamble, type FrameKind } from '../src/frame.ts'

/** A frame as it is on the wire. */
export function frame(kind: number, content: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + content.byteLength)
  encodeFrameHeader(bytes, 0, { kind: kind as FrameKind, length: content.byteLength })
  bytes.set(content, FRAME_HEADER_BYTES)
  return bytes
}

/** What an end without a token says first. */
export function hello(content: Uint8Array): Uint8Array {
  return joined(encodePreamble(), frame(1, content))
}

/** Parts, one after the other. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}
