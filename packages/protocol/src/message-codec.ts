import { StemmaError, type Position } from '@stemma/base'
import { FieldReader, cleanText, nonsense, packFields, showDigest, unpackFields, type Field } from './fields.ts'
import {
  ANSWER_BYTES_MAX,
  FETCH_PAGES_MAX,
  FORMATS_MAX,
  HEADER_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  PAGE_COUNT_MAX,
  QUESTION_BYTES_MAX,
  WIRE_ENTRY_BYTES_MAX,
} from './limits.ts'
import type { FollowState, FormatOffer, Message, Verdict, Wish } from './message.ts'

/** The version of the layout below. It has nothing to do with the protocol version, which `hello` and `welcome` agree on. */
export const LAYOUT_VERSION = 1

const PREFIX_BYTES = 4
const NAME_LENGTH_MAX = 64
const NO_BYTES = new Uint8Array(0)

/** Never changed, never reused. */
const KINDS: Readonly<Record<Message['kind'], number>> = {
  hello: 1,
  follow: 2,
  ack: 3,
  'open-snapshot': 4,
  'fetch-pages': 5,
  'close-snapshot': 6,
  alive: 7,
  'status-request': 8,
  ask: 9,
  welcome: 32,
  refuse: 33,
  verdict: 34,
  entries: 35,
  'entry-part': 36,
  heartbeat: 37,
  snapshot: 38,
  pages: 39,
  status: 40,
  bye: 41,
  answer: 42,
}

const KIND_OF_CODE: ReadonlyMap<number, Message['kind']> = new Map(
  Object.entries(KINDS).map(([kind, code]) => [code, kind as Message['kind']]),
)

/**
 * Encodes a message as parts to be sent one after another; bytes of entries and pages are a part of their own, not copied.
 *
 *     size  what
 *      1    layout version, 1
 *      1    kind
 *      2    size of the fields, little-endian
 *      n    fields: a MessagePack array
 *      rest the body: entries, pages or sums, as they are
 */
export function encodeMessage(message: Message): Uint8Array[] {
  const fields = packFields(fieldsOf(message))
  const head = new Uint8Array(PREFIX_BYTES + fields.byteLength)
  head[0] = LAYOUT_VERSION
  head[1] = KINDS[message.kind]
  head[2] = fields.byteLength & 0xff
  head[3] = fields.byteLength >> 8
  head.set(fields, PREFIX_BYTES)
  const body = bodyOf(message)
  return body.byteLength === 0 ? [head] : [head, body]
}

/**
 * Decodes one whole message. Bytes in it are views into `bytes`.
 *
 * Any bytes at all give a message or this error; nothing is allocated that the bytes don't fill.
 *
 * @throws StemmaError PROTOCOL_MESSAGE when the bytes are no message, or one of a kind that this release doesn't know
 */
export function decodeMessage(bytes: Uint8Array): Message {
  if (bytes.byteLength > MESSAGE_BYTES_MAX) throw nonsense(`a message of ${bytes.byteLength} bytes`)
  if (bytes.byteLength < PREFIX_BYTES) throw nonsense(`a message of ${bytes.byteLength} bytes`)
  if (bytes[0] !== LAYOUT_VERSION) throw nonsense(`a message of layout ${bytes[0]}, known is ${LAYOUT_VERSION}`)
  const kind = KIND_OF_CODE.get(bytes[1]!)
  if (kind === undefined) throw nonsense(`a message of unknown kind ${bytes[1]}`)
  const size = bytes[2]! | (bytes[3]! << 8)
  if (size > HEADER_BYTES_MAX || PREFIX_BYTES + size > bytes.byteLength)
    throw nonsense(`a ${kind} whose fields take ${size} bytes`)
  const fields = unpackFields(bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + size))
  const body = bytes.subarray(PREFIX_BYTES + size)
  if (body.byteLength > 0 && !HAS_BODY.has(kind)) throw nonsense(`a ${kind} with a body`)
  try {
    return messageOf(kind, fields, body)
  } catch (error) {
    if (StemmaError.is(error, 'PROTOCOL_MESSAGE'))
      throw new StemmaError('PROTOCOL_MESSAGE', `in a ${kind}, ${error.message.slice(error.message.indexOf(' ') + 1)}`)
    throw error
  }
}

const HAS_BODY: ReadonlySet<Message['kind']> = new Set([
  'fetch-pages',
  'entries',
  'entry-part',
  'pages',
  'status',
  'ask',
  'answer',
] as const)
const WISHES = ['follow', 'status', 'feed', 'ask'] as const satisfies readonly Wish[]

function bodyOf(message: Message): Uint8Array {
  switch (message.kind) {
    case 'fetch-pages':
      return message.have
    case 'entries':
    case 'entry-part':
    case 'pages':
      return message.bytes
    case 'status':
      return message.json
    case 'ask':
    case 'answer':
      return message.body
    case 'hello':
    case 'follow':
    case 'ack':
    case 'open-snapshot':
    case 'close-snapshot':
    case 'alive':
    case 'status-request':
    case 'welcome':
    case 'refuse':
    case 'verdict':
    case 'heartbeat':
    case 'snapshot':
    case 'bye':
      return NO_BYTES
  }
}

function fieldsOf(message: Message): readonly Field[] {
  switch (message.kind) {
    case 'hello':
      return [
        ...message.versions,
        message.wants,
        message.node,
        cleanText(message.name),
        cleanText(message.sqlite, NAME_LENGTH_MAX),
        message.cluster ?? null,
        message.pageSize ?? null,
        message.epoch,
        message.formats.map((format) => [format.name, [...format.versions]]),
      ]
    case 'follow':
      return [message.credit, ...fieldsOfState(message.state)]
    case 'ack': {
      const { received, durable, applied, credit } = message
      return [received.epoch, received.sequence, durable.epoch, durable.sequence, applied.epoch, applied.sequence, credit]
    }
    case 'open-snapshot':
      return [message.resume ?? null]
    case 'fetch-pages':
      return [message.snapshot, message.first, message.count]
    case 'close-snapshot':
      return [message.snapshot]
    case 'alive':
    case 'status-request':
    case 'status':
    case 'ask':
      return []
    case 'welcome': {
      const { version, cluster, node, epoch, format, formatVersion, pageSize, tip, time } = message
      return [version, cluster, node, epoch, format, formatVersion, pageSize, tip.epoch, tip.sequence, time]
    }
    case 'refuse':
      return [message.code, cleanText(message.message), cleanText(message.hint)]
    case 'verdict':
      return fieldsOfVerdict(message.verdict)
    case 'entries':
      return [message.first, message.last]
    case 'entry-part':
      return [message.sequence, message.offset, message.total]
    case 'heartbeat':
      return [message.tip.epoch, message.tip.sequence, message.time]
    case 'snapshot': {
      const { snapshot, position, digest, pageSize, pageCount } = message
      return [snapshot, position.epoch, position.sequence, showDigest(digest), pageSize, pageCount]
    }
    case 'pages':
      return [message.snapshot, message.first, message.count, message.leftOut]
    case 'bye':
      return [message.code, cleanText(message.message)]
    case 'answer':
      return [message.code ?? null, cleanText(message.message)]
  }
}

function fieldsOfState(state: FollowState): readonly Field[] {
  switch (state.kind) {
    case 'copy':
      return [state.kind, ...fieldsOfPosition(state.position), showDigest(state.digest)]
    case 'feed':
      return [state.kind, ...fieldsOfPosition(state.position)]
    case 'empty':
    case 'unknown':
      return [state.kind]
  }
}

function fieldsOfPosition(position: Position | undefined): readonly Field[] {
  return position === undefined ? [null] : [position.epoch, position.sequence]
}

function fieldsOfVerdict(verdict: Verdict): readonly Field[] {
  switch (verdict.kind) {
    case 'go-on':
      return verdict.from === undefined ? [verdict.kind] : [verdict.kind, ...fieldsOfPosition(verdict.from)]
    case 'snapshot':
      return [verdict.kind, verdict.why]
    case 'not-kept':
      return [verdict.kind, ...fieldsOfPosition(verdict.oldest)]
    case 'diverged':
      return [verdict.kind, ...fieldsOfPosition(verdict.at)]
  }
}

function messageOf(kind: Message['kind'], fields: FieldReader, body: Uint8Array): Message {
  switch (kind) {
    case 'hello':
      return helloOf(fields)
    case 'follow':
      return { kind, credit: fields.integer('credit'), state: stateOf(fields) }
    case 'ack':
      return {
        kind,
        received: fields.position('received'),
        durable: fields.position('durable'),
        applied: fields.position('applied'),
        credit: fields.integer('credit'),
      }
    case 'open-snapshot':
      return { kind, resume: fields.isNull() ? undefined : fields.text('snapshot', NAME_LENGTH_MAX) }
    case 'fetch-pages':
      return fetchOf(fields, body)
    case 'close-snapshot':
      return { kind, snapshot: fields.text('snapshot', NAME_LENGTH_MAX) }
    case 'alive':
    case 'status-request':
      return { kind }
    case 'welcome':
      return {
        kind,
        version: fields.integer('version', 0xffff, 1),
        cluster: fields.text('cluster', NAME_LENGTH_MAX),
        node: fields.text('node', NAME_LENGTH_MAX),
        epoch: fields.integer('epoch', 0xffffffff, 1),
        format: fields.text('format', NAME_LENGTH_MAX),
        formatVersion: fields.integer('format version', 0xffff, 1),
        pageSize: fields.pageSize('page size'),
        tip: fields.position('tip'),
        time: fields.integer('time'),
      }
    case 'refuse':
      return { kind, code: fields.text('code', NAME_LENGTH_MAX), message: fields.text('message'), hint: fields.text('hint') }
    case 'verdict':
      return { kind, verdict: verdictOf(fields) }
    case 'entries':
      return entriesOf(fields, body)
    case 'entry-part':
      return partOf(fields, body)
    case 'heartbeat':
      return { kind, tip: fields.position('tip'), time: fields.integer('time') }
    case 'snapshot':
      return {
        kind,
        snapshot: fields.text('snapshot', NAME_LENGTH_MAX),
        position: fields.position('position'),
        digest: fields.digest('digest'),
        pageSize: fields.pageSize('page size'),
        pageCount: fields.integer('page count', PAGE_COUNT_MAX, 1),
      }
    case 'pages':
      return pagesOf(fields, body)
    case 'status':
      return { kind, json: body }
    case 'bye':
      return { kind, code: fields.text('code', NAME_LENGTH_MAX), message: fields.text('message') }
    case 'ask':
      return { kind, body: atMost(body, QUESTION_BYTES_MAX) }
    case 'answer':
      return answerOf(fields, atMost(body, ANSWER_BYTES_MAX))
  }
}

function atMost(body: Uint8Array, max: number): Uint8Array {
  if (body.byteLength > max) throw nonsense(`${body.byteLength} bytes, at most ${max} may be`)
  return body
}

function answerOf(fields: FieldReader, body: Uint8Array): Message {
  const code = fields.isNull() ? undefined : fields.text('code', NAME_LENGTH_MAX)
  if (code !== undefined && body.byteLength > 0) throw nonsense('an error with a body')
  return { kind: 'answer', code, message: fields.text('message'), body }
}

function helloOf(fields: FieldReader): Message {
  const oldest = fields.integer('oldest version', 0xffff, 1)
  return {
    kind: 'hello',
    versions: [oldest, fields.integer('newest version', 0xffff, oldest)],
    wants: fields.word('wish', WISHES),
    node: fields.text('node', NAME_LENGTH_MAX),
    name: fields.text('name'),
    sqlite: fields.text('SQLite version', NAME_LENGTH_MAX),
    cluster: fields.isNull() ? undefined : fields.text('cluster', NAME_LENGTH_MAX),
    pageSize: fields.isNull() ? undefined : fields.pageSize('page size'),
    epoch: fields.integer('epoch', 0xffffffff),
    formats: fields.list('formats', FORMATS_MAX).map(offerOf),
  }
}

function offerOf(value: unknown): FormatOffer {
  const fields = new FieldReader(Array.isArray(value) ? value : [])
  const name = fields.text("format's name", NAME_LENGTH_MAX)
  const versions = fields.list('versions', FORMATS_MAX)
  const reader = new FieldReader(versions)
  return { name, versions: versions.map(() => reader.integer('format version', 0xffff, 1)) }
}

function stateOf(fields: FieldReader): FollowState {
  const kind = fields.word('state', ['copy', 'empty', 'unknown', 'feed'])
  switch (kind) {
    case 'copy':
      return { kind, position: fields.position('position'), digest: fields.digest('digest') }
    case 'feed':
      return { kind, position: maybePosition(fields, 'position') }
    case 'empty':
    case 'unknown':
      return { kind }
  }
}

function maybePosition(fields: FieldReader, name: string): Position | undefined {
  return fields.isNull() ? undefined : fields.position(name)
}

function verdictOf(fields: FieldReader): Verdict {
  const kind = fields.word('verdict', ['go-on', 'snapshot', 'not-kept', 'diverged'])
  switch (kind) {
    case 'go-on':
      return fields.isAtEnd ? { kind } : { kind, from: fields.position('from') }
    case 'not-kept':
      return { kind, oldest: maybePosition(fields, 'oldest') }
    case 'snapshot':
      return { kind, why: fields.word('reason', ['empty', 'unknown', 'too-far-behind']) }
    case 'diverged':
      return { kind, at: maybePosition(fields, 'position') }
  }
}

function fetchOf(fields: FieldReader, have: Uint8Array): Message {
  const snapshot = fields.text('snapshot', NAME_LENGTH_MAX)
  const first = fields.integer('first page', PAGE_COUNT_MAX, 1)
  const count = fields.integer('count of pages', FETCH_PAGES_MAX, 1)
  if (have.byteLength > count * 8 || have.byteLength % 8 !== 0)
    throw nonsense(`${have.byteLength} bytes of sums for ${count} pages`)
  return { kind: 'fetch-pages', snapshot, first, count, have }
}

function pagesOf(fields: FieldReader, bytes: Uint8Array): Message {
  const snapshot = fields.text('snapshot', NAME_LENGTH_MAX)
  const first = fields.integer('first page', PAGE_COUNT_MAX, 1)
  const count = fields.integer('count of pages', FETCH_PAGES_MAX, 1)
  const leftOut = fields.bytes('pages left out', FETCH_PAGES_MAX / 8)
  if (leftOut.byteLength !== 0 && leftOut.byteLength !== Math.ceil(count / 8)) {
    throw nonsense(`${leftOut.byteLength} bytes of bits for ${count} pages`)
  }
  return { kind: 'pages', snapshot, first, count, leftOut, bytes }
}

function entriesOf(fields: FieldReader, bytes: Uint8Array): Message {
  const first = fields.integer('first entry', Number.MAX_SAFE_INTEGER, 1)
  const last = fields.integer('last entry', Number.MAX_SAFE_INTEGER, first)
  if (bytes.byteLength === 0) throw nonsense('entries without bytes')
  return { kind: 'entries', first, last, bytes }
}

function partOf(fields: FieldReader, bytes: Uint8Array): Message {
  const sequence = fields.integer('sequence', Number.MAX_SAFE_INTEGER, 1)
  const offset = fields.integer('offset', WIRE_ENTRY_BYTES_MAX)
  const total = fields.integer('total', WIRE_ENTRY_BYTES_MAX, 1)
  if (bytes.byteLength === 0 || offset + bytes.byteLength > total)
    throw nonsense(`${bytes.byteLength} bytes at ${offset} of ${total}`)
  return { kind: 'entry-part', sequence, offset, total, bytes }
}
