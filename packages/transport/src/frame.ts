import { StemmaError } from '@stemma/base'

/**
 * What a frame is. On the wire, a frame is
 *
 *     bits   0..3    kind
 *     bits   4..31   length of what follows, in bytes (the word is big-endian)
 *     then           that many bytes
 */
export const FRAME = { message: 0, handshake: 1, ping: 2, pong: 3, bye: 4 } as const
export type FrameKind = (typeof FRAME)[keyof typeof FRAME]

/** Size of a frame's header, in bytes. */
export const FRAME_HEADER_BYTES = 4

/** The largest frame that an end which isn't authenticated may send, in bytes. */
export const HANDSHAKE_FRAME_MAX = 4096

/**
 * The first bytes that either end sends:
 *
 *     offset size
 *      0     6    "STEMMA"
 *      6     1    the oldest version of this transport that the sender speaks
 *      7     1    the newest one
 */
export const PREAMBLE_BYTES = 8
const MAGIC = [0x53, 0x54, 0x45, 0x4d, 0x4d, 0x41] as const

/** The version of the bytes on the wire. It moves when an old end could not understand a new one. */
export const TRANSPORT_VERSION = 1

/** The bytes with which this end begins. */
export function encodePreamble(): Uint8Array {
  return Uint8Array.of(...MAGIC, TRANSPORT_VERSION, TRANSPORT_VERSION)
}

/**
 * Checks as much of the other end's first bytes as there is.
 *
 * @param bytes - at least one byte; read, not kept
 * @returns the version that both speak, or undefined when more bytes are needed to know
 * @throws StemmaError NOT_STEMMA at the first wrong byte, TRANSPORT_VERSION when there is no version that both speak
 */
export function decodePreamble(bytes: Uint8Array): number | undefined {
  for (let i = 0; i < Math.min(bytes.byteLength, MAGIC.length); i++) {
    if (bytes[i] !== MAGIC[i]) throw new StemmaError('NOT_STEMMA', `the other end began with ${showBeginning(bytes)}`)
  }
  if (bytes.byteLength < PREAMBLE_BYTES) return undefined
  const [oldest = 0, newest = 0] = bytes.subarray(MAGIC.length)
  if (oldest > TRANSPORT_VERSION || newest < TRANSPORT_VERSION) {
    throw new StemmaError(
      'TRANSPORT_VERSION',
      `this end speaks version ${TRANSPORT_VERSION} of the transport, the other ${oldest} to ${newest}`,
      { ours: TRANSPORT_VERSION, theirs: [oldest, newest] },
    )
  }
  return TRANSPORT_VERSION
}

/** Writes a frame's header at `offset`. */
export function encodeFrameHeader(into: Uint8Array, offset: number, frame: { kind: FrameKind; length: number }): void {
  into[offset] = (frame.kind << 4) | (frame.length >>> 24)
  into[offset + 1] = frame.length >>> 16
  into[offset + 2] = frame.length >>> 8
  into[offset + 3] = frame.length
}

function showBeginning(bytes: Uint8Array): string {
  if (bytes[0] === 0x16 || bytes[0] === 0x15) return 'TLS, where plain bytes were expected'
  const text = Array.from(bytes.subarray(0, 4), (byte) => (byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
  return /^(GET|POST|HEAD|PUT|HTTP|OPTI|PRI)/.test(text.trim()) ? 'HTTP' : `${bytes.byteLength} bytes that are not ours`
}
