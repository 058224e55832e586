import type { Position } from '@stemma/base'

/** Bytes of a page of a modelled database. */
export const PAGE_SIZE = 512

/** A modelled database: a number for each page. */
export type Pages = readonly number[]

/** One commit of a modelled database. */
export interface ModelCommit {
  readonly position: Position
  readonly digest: bigint
  readonly digestBefore: bigint
  readonly pageCount: number
  readonly barrier: boolean
  readonly committedAt: number
  /** Page number and what is on it, pairs. */
  readonly changes: readonly number[]
  /** Bytes that say nothing, to make entries large. */
  readonly padding: number
  readonly encoded: Uint8Array
}

const HEAD_BYTES = 64
const CHECKSUM_OFFSET = 56

/** Makes a commit and its entry. */
export function newCommit(before: Omit<ModelCommit, 'encoded'>): ModelCommit {
  const { position, digest, digestBefore, pageCount, barrier, committedAt, changes, padding } = before
  const encoded = new Uint8Array(HEAD_BYTES + changes.length * 4 + padding)
  const view = new DataView(encoded.buffer)
  view.setUint32(0, encoded.byteLength)
  view.setFloat64(4, position.sequence)
  view.setUint32(12, position.epoch)
  view.setBigUint64(16, digest)
  view.setBigUint64(24, digestBefore)
  view.setUint32(32, pageCount)
  view.setUint32(36, barrier ? 1 : 0)
  view.setFloat64(40, committedAt)
  view.setUint32(48, changes.length)
  view.setUint32(52, padding)
  changes.forEach((value, i) => view.setUint32(HEAD_BYTES + i * 4, value))
  view.setUint32(CHECKSUM_OFFSET, hashBytes(encoded))
  return { ...before, encoded }
}

/** Reads entries that were put one after another. Undefined when the bytes are not just that. */
export function decodeCommits(bytes: Uint8Array): ModelCommit[] | undefined {
  const commits: ModelCommit[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < bytes.byteLength;) {
    if (bytes.byteLength - at < HEAD_BYTES) return undefined
    const size = view.getUint32(at)
    const count = view.getUint32(at + 48)
    const padding = view.getUint32(at + 52)
    if (size !== HEAD_BYTES + count * 4 + padding || at + size > bytes.byteLength) return undefined
    const checksum = view.getUint32(at + CHECKSUM_OFFSET)
    const encoded = bytes.slice(at, at + size)
    new DataView(encoded.buffer).setUint32(CHECKSUM_OFFSET, 0)
    if (hashBytes(encoded) !== checksum) return undefined
    commits.push({
      position: { sequence: view.getFloat64(at + 4), epoch: view.getUint32(at + 12) },
      digest: view.getBigUint64(at + 16),
      digestBefore: view.getBigUint64(at + 24),
      pageCount: view.getUint32(at + 32),
      barrier: view.getUint32(at + 36) === 1,
      committedAt: view.getFloat64(at + 40),
      changes: Array.from({ length: count }, (_, i) => view.getUint32(at + HEAD_BYTES + i * 4)),
      padding,
      encoded: bytes.subarray(at, at + size),
    })
    at += size
  }
  return commits
}

/** What a database looks like after a commit. */
export function applyCommit(pages: Pages, { changes, pageCount }: Pick<ModelCommit, 'changes' | 'pageCount'>): Pages {
  const after = Array.from({ length: pageCount }, (_, i) => pages[i] ?? 0)
  for (let i = 0; i < changes.length; i += 2) after[changes[i]! - 1] = changes[i + 1]!
  return after
}

/** XOR of the sums of all pages. */
export function digestOf(pages: Pages): bigint {
  let high = 0
  let low = 0
  pages.forEach((value, i) => {
    high ^= mix(value, i + 1)
    low ^= mix(i + 1, value ^ 0x5bd1e995)
  })
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
}

/** The sum of one page, 8 bytes. */
export function sumOf(pageNumber: number, value: number): bigint {
  return (BigInt(mix(value, pageNumber) >>> 0) << 32n) | BigInt(mix(pageNumber, value ^ 0x5bd1e995) >>> 0)
}

/** A page as bytes. */
export function pageBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(PAGE_SIZE)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

/** Puts bytes one after another. */
export function join(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return only
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.byteLength
  }
  return joined
}

/** Carries a 32-bit hash over a text. FNV-1a. */
export function hashText(hash: number, text: string): number {
  let value = hash
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}

function hashBytes(bytes: Uint8Array): number {
  let value = 0x811c9dc5
  for (const byte of bytes) value = Math.imul(value ^ byte, 0x01000193)
  return value >>> 0
}

function mix(a: number, b: number): number {
  let value = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35)
  value ^= value >>> 15
  value = Math.imul(value, 0x27d4eb2f)
  return value ^ (value >>> 13)
}
