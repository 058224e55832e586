import { createHash, createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto'
import { StemmaError } from '@stemma/base'

/** A secret that both ends know. Text counts as its UTF-8 bytes. */
export type Token = string | Uint8Array

/** Shorter tokens could be guessed. */
export const TOKEN_BYTES_MIN = 16

/** Size of a proof, in bytes. */
export const PROOF_BYTES = 32

/** Which end proves. A proof of one is worth nothing as a proof of the other. */
export type Role = 'connector' | 'listener'

/**
 * Puts a token where neither an error nor a log can print it.
 *
 * @throws StemmaError BAD_ARGUMENT when it is shorter than 16 bytes; the message doesn't hold it
 */
export function newTokenKey(token: Token): KeyObject {
  const bytes = typeof token === 'string' ? Buffer.from(token, 'utf8') : token
  if (bytes.byteLength < TOKEN_BYTES_MIN) {
    throw new StemmaError(
      'BAD_ARGUMENT',
      `the token has ${bytes.byteLength} bytes, and needs ${TOKEN_BYTES_MIN} that cannot be guessed; \`openssl rand -hex 32\` makes a good one`,
    )
  }
  return createSecretKey(bytes)
}

/**
 * What shows that `role` knows the token, in this one conversation.
 *
 * HMAC-SHA256, keyed with the token, over a label with the role, SHA-256 of all bytes that both ends have sent so far (so of both
 * nonces, versions and limits), and the channel binding: keying material of the TLS connection, or nothing. So a proof can't be
 * used again, sent back, moved to another TLS connection, or kept while something else in the greeting is changed.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9266 for the channel binding
 */
export function newProof(key: KeyObject, role: Role, conversation: Conversation): Uint8Array {
  const transcript = createHash('sha256')
  for (const bytes of conversation.transcript) transcript.update(bytes)
  return createHmac('sha256', key)
    .update(`stemma transport, proof of the ${role}\0`)
    .update(transcript.digest())
    .update(conversation.channelBinding)
    .digest()
}

/** What a proof is bound to. */
export interface Conversation {
  /** The greetings of both ends, in order. Each has a fixed size. */
  readonly transcript: readonly Uint8Array[]
  /** Empty without TLS. */
  readonly channelBinding: Uint8Array
}

/** Compares proofs in a time that doesn't tell how much of them is equal. */
export function isSameProof(ours: Uint8Array, theirs: Uint8Array): boolean {
  return ours.byteLength === theirs.byteLength && timingSafeEqual(ours, theirs)
}
