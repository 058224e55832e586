import { expect, test } from 'vitest'
import { newConnectorHandshake, newListenerHandshake, type Handshake, type HandshakeOptions } from './handshake.ts'
import { newTokenKey } from './token.ts'

const key = newTokenKey('correct horse battery staple')
const otherKey = newTokenKey('incorrect horse battery staple')
const none = new Uint8Array(0)

interface Talk {
  readonly connector: string
  readonly listener: string
  /** What the connector said, for those who listen in. */
  readonly said: Uint8Array[]
}

/** Lets two ends talk until one has nothing to say. `tamper` may change what goes to the listener. */
function talk(
  connector: Handshake,
  listener: Handshake,
  tamper: (frame: Uint8Array, index: number) => Uint8Array = (frame) => frame,
): Talk {
  const said: Uint8Array[] = []
  const outcome = { connector: 'nothing', listener: 'nothing' }
  let toListener: Uint8Array | undefined = connector.greeting
  while (toListener !== undefined) {
    said.push(toListener.slice())
    const heard = listener.take(tamper(toListener.slice(), said.length - 1))
    outcome.listener = heard.kind
    if (heard.frame === undefined) break
    const answer = connector.take(heard.frame.slice())
    outcome.connector = answer.kind
    toListener = answer.kind === 'refused' ? undefined : answer.frame
  }
  return { ...outcome, said }
}

const options = (given: Partial<HandshakeOptions> = {}): HandshakeOptions => ({
  messageBytesMax: 1000,
  key,
  channelBinding: none,
  ...given,
})

test.each<[string, Partial<HandshakeOptions>, Partial<HandshakeOptions>, string]>([
  ['the same token', {}, {}, 'done, done'],
  ['no token on either end', { key: undefined }, { key: undefined }, 'done, done'],
  ['another token', { key: otherKey }, {}, 'refused, refused'],
  ['no token where one is demanded', { key: undefined }, {}, 'refused, send'],
  ['a token that the listener does not have', {}, { key: undefined }, 'refused, send'],
  [
    'the same token over the same TLS connection',
    { channelBinding: Uint8Array.of(1, 2) },
    { channelBinding: Uint8Array.of(1, 2) },
    'done, done',
  ],
  [
    'the same token, but somebody between two TLS connections',
    { channelBinding: Uint8Array.of(1) },
    { channelBinding: Uint8Array.of(2) },
    'refused, refused',
  ],
])('%s', (_title, ours, theirs, want) => {
  const { connector, listener } = talk(newConnectorHandshake(options(ours)), newListenerHandshake(options(theirs)))
  expect(`${connector}, ${listener}`).toBe(want)
})

test('each end learns how large the messages may be that the other takes', () => {
  const connector = newConnectorHandshake(options({ messageBytesMax: 111 }))
  const listener = newListenerHandshake(options({ messageBytesMax: 222 }))
  const greeting = listener.take(connector.greeting)
  const proof = connector.take(greeting.frame as Uint8Array)
  const verdict = listener.take(proof.frame as Uint8Array)
  const end = connector.take(verdict.frame as Uint8Array)
  expect(verdict).toMatchObject({ kind: 'done', agreement: { messageBytesMax: 111, proved: true } })
  expect(end).toMatchObject({ kind: 'done', agreement: { messageBytesMax: 222, proved: true } })
})

test('a proof that was overheard is worth nothing the next time', () => {
  const overheard = talk(newConnectorHandshake(options()), newListenerHandshake(options())).said
  const listener = newListenerHandshake(options())
  listener.take(overheard[0] as Uint8Array)
  expect(listener.take(overheard[1] as Uint8Array).kind).toBe('refused')
})

test('a listener that knows no token cannot send back what it hears', () => {
  const connector = newConnectorHandshake(options())
  const proof = connector.take(connector.greeting.slice()) // its own nonce, as if it were the listener's
  expect(proof.kind).toBe('send')
  expect(connector.take(Uint8Array.of(1, ...(proof.frame as Uint8Array))).kind).toBe('refused')
})

test('a connector that knows no token cannot have its proof made by another connector', () => {
  const victim = newConnectorHandshake(options())
  const listener = newListenerHandshake(options())
  const stolen = newConnectorHandshake(options({ key: undefined })).greeting.slice()
  const challenge = listener.take(stolen).frame as Uint8Array
  const proof = victim.take(challenge.slice()).frame as Uint8Array // bound to the victim's greeting, not to the stolen one
  expect(listener.take(proof).kind).toBe('refused')
})

test('every bit of the greeting and of the proof counts', () => {
  const { said } = talk(newConnectorHandshake(options()), newListenerHandshake(options()))
  const wrong: string[] = []
  for (const [index, frame] of said.entries()) {
    for (let bit = 0; bit < frame.byteLength * 8; bit++) {
      const flip = (bytes: Uint8Array, at: number): Uint8Array => {
        if (at === index) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        return bytes
      }
      const { listener } = talk(newConnectorHandshake(options()), newListenerHandshake(options()), flip)
      if (listener === 'done') wrong.push(`frame ${index} bit ${bit}`)
    }
  }
  expect(wrong).toEqual([])
})

test.each([
  ['nothing', none],
  ['a short one', new Uint8Array(38)],
  ['a long one', new Uint8Array(40)],
  ['one that takes no messages', new Uint8Array(39)],
])('a greeting of the wrong shape is refused: %s', (_what, greeting) => {
  expect(newListenerHandshake(options()).take(greeting)).toMatchObject({ kind: 'refused', frame: undefined })
  expect(newConnectorHandshake(options()).take(greeting)).toMatchObject({ kind: 'refused' })
})

test('whatever is wrong with a proof, the listener says the same', () => {
  const answers = [none, new Uint8Array(31), new Uint8Array(32), new Uint8Array(33), new Uint8Array(4096)].map((proof) => {
    const listener = newListenerHandshake(options())
    listener.take(newConnectorHandshake(options()).greeting)
    return listener.take(proof)
  })
  expect(answers.map(({ kind, frame }) => ({ kind, frame }))).toEqual(
    answers.map(() => ({ kind: 'refused', frame: Uint8Array.of(0) })),
  )
})

test('a token that could be guessed is refused', () => {
  expect(() => newTokenKey('fifteen letters')).toThrow(expect.objectContaining({ code: 'BAD_ARGUMENT' }))
  expect(() => newTokenKey('sixteen letters!')).not.toThrow()
})
