import { randomBytes, type KeyObject } from 'node:crypto'
import { StemmaError } from '@stemma/base'
import { TRANSPORT_VERSION } from './frame.ts'
import { PROOF_BYTES, isSameProof, newProof, type Conversation, type Role } from './token.ts'

/**
 * The greeting, before any message:
 *
 *     connector                                     listener
 *     preamble, greeting           ->
 *                                  <-               preamble, greeting
 *     proof, or nothing            ->
 *                                  <-               verdict: 1 and proof (or nothing); or 0, the same for all that is wrong
 *
 * Each is one handshake frame. A greeting is
 *
 *     offset size
 *      0     32   nonce
 *     32      4   largest message that the sender takes, in bytes, big-endian
 *     36      1   1 when the sender has a token and so demands a proof, else 0
 *     37      2   the oldest and the newest version of the transport that it speaks, as in the preamble, which nothing else proves
 *
 * The connector proves first, so that a stranger who connects gets nothing that depends on the token. A connector with a token goes
 * on only with a listener that proves that it has it too.
 */
const GREETING_BYTES = 39
const NONCE_BYTES = 32
const ACCEPTED = 1
const REFUSED = 0

/** What the greeting settled. */
export interface Agreement {
  /** The largest message that the other end takes, in bytes. */
  readonly messageBytesMax: number
  /** True when the other end has proved that it knows the token. */
  readonly proved: boolean
}

/** What to do after a handshake frame. */
export type HandshakeStep =
  | { readonly kind: 'send'; readonly frame: Uint8Array }
  | { readonly kind: 'done'; readonly frame: Uint8Array | undefined; readonly agreement: Agreement }
  /** The listener tells the other end only the verdict in `frame`. */
  | { readonly kind: 'refused'; readonly frame: Uint8Array | undefined; readonly error: StemmaError }

/** One end of a greeting. */
export interface Handshake {
  /** What this end begins with, after its preamble. */
  readonly greeting: Uint8Array
  /** Takes the other end's next handshake frame. */
  take(frame: Uint8Array): HandshakeStep
}

export interface HandshakeOptions {
  /** The largest message that this end takes, in bytes. */
  readonly messageBytesMax: number
  readonly key: KeyObject | undefined
  /** Empty without TLS. */
  readonly channelBinding: Uint8Array
}

interface Greeting {
  readonly messageBytesMax: number
  readonly hasToken: boolean
}

/** The greeting of the end that connected. Its own greeting goes out first. */
export function newConnectorHandshake(options: HandshakeOptions): Handshake {
  const greeting = encodeGreeting(options)
  let theirs: Greeting | undefined
  let conversation: Conversation | undefined

  function takeGreeting(frame: Uint8Array): HandshakeStep {
    theirs = decodeGreeting(frame)
    if (theirs === undefined) return malformed()
    if (theirs.hasToken && options.key === undefined) return refuse('the other end demands a token, and this end has none')
    if (!theirs.hasToken && options.key !== undefined) {
      return refuse('this end has a token, and the other end has none to prove itself with')
    }
    conversation = newConversation([greeting, frame], options.channelBinding)
    return { kind: 'send', frame: prove(options.key, 'connector', conversation) }
  }

  function takeVerdict(frame: Uint8Array, greeted: Greeting, talk: Conversation): HandshakeStep {
    if (frame[0] !== ACCEPTED) return refuse('the other end refused the token')
    if (!isProved(options.key, 'listener', talk, frame.subarray(1))) {
      return refuse('the other end could not prove that it knows the token')
    }
    return { kind: 'done', frame: undefined, agreement: newAgreement(greeted, options) }
  }

  return {
    greeting,
    take: (frame) =>
      theirs === undefined || conversation === undefined ? takeGreeting(frame) : takeVerdict(frame, theirs, conversation),
  }
}

/** The greeting of the end that listens. Its own greeting goes out as the first step's frame. */
export function newListenerHandshake(options: HandshakeOptions): Handshake {
  const greeting = encodeGreeting(options)
  let theirs: Greeting | undefined
  let conversation: Conversation | undefined

  function takeGreeting(frame: Uint8Array): HandshakeStep {
    theirs = decodeGreeting(frame)
    if (theirs === undefined) return malformed()
    conversation = newConversation([frame, greeting], options.channelBinding)
    return { kind: 'send', frame: greeting }
  }

  function takeProof(frame: Uint8Array, greeted: Greeting, talk: Conversation): HandshakeStep {
    if (!isProved(options.key, 'connector', talk, frame)) {
      return { ...refuse('the other end could not prove that it knows the token'), frame: Uint8Array.of(REFUSED) }
    }
    const proof = prove(options.key, 'listener', talk)
    return { kind: 'done', frame: Uint8Array.of(ACCEPTED, ...proof), agreement: newAgreement(greeted, options) }
  }

  return {
    greeting,
    take: (frame) =>
      theirs === undefined || conversation === undefined ? takeGreeting(frame) : takeProof(frame, theirs, conversation),
  }
}

function encodeGreeting(options: HandshakeOptions): Uint8Array {
  const bytes = new Uint8Array(GREETING_BYTES)
  bytes.set(randomBytes(NONCE_BYTES))
  new DataView(bytes.buffer).setUint32(NONCE_BYTES, options.messageBytesMax)
  bytes.set([options.key === undefined ? 0 : 1, TRANSPORT_VERSION, TRANSPORT_VERSION], NONCE_BYTES + 4)
  return bytes
}

function decodeGreeting(frame: Uint8Array): Greeting | undefined {
  if (frame.byteLength !== GREETING_BYTES) return undefined
  const messageBytesMax = new DataView(frame.buffer, frame.byteOffset).getUint32(NONCE_BYTES)
  const [hasToken = 0, oldest = 0, newest = 0] = frame.subarray(NONCE_BYTES + 4)
  if (messageBytesMax < 1 || hasToken > 1 || oldest > TRANSPORT_VERSION || newest < TRANSPORT_VERSION) return undefined
  return { messageBytesMax, hasToken: hasToken === 1 }
}

function newConversation(greetings: readonly Uint8Array[], channelBinding: Uint8Array): Conversation {
  // Copies: a frame's bytes are good only during the call.
  return { transcript: greetings.map((bytes) => bytes.slice()), channelBinding }
}

function prove(key: KeyObject | undefined, role: Role, conversation: Conversation): Uint8Array {
  return key === undefined ? new Uint8Array(0) : newProof(key, role, conversation)
}

function isProved(key: KeyObject | undefined, role: Role, conversation: Conversation, proof: Uint8Array): boolean {
  if (key === undefined) return proof.byteLength === 0
  return proof.byteLength === PROOF_BYTES && isSameProof(newProof(key, role, conversation), proof)
}

function newAgreement(theirs: Greeting, options: HandshakeOptions): Agreement {
  return { messageBytesMax: theirs.messageBytesMax, proved: options.key !== undefined }
}

function refuse(message: string): { kind: 'refused'; frame: undefined; error: StemmaError } {
  return { kind: 'refused', frame: undefined, error: new StemmaError('AUTHENTICATION_FAILED', message) }
}

function malformed(): HandshakeStep {
  return { kind: 'refused', frame: undefined, error: new StemmaError('BAD_FRAME', 'the greeting is malformed') }
}
