import { PROTOCOL_VERSIONS, decodeMessage, encodeMessage, type LeaderMessage } from '@stemma/protocol'
import { listenTcp } from '@stemma/transport'
import { expect, onTestFinished, test } from 'vitest'
import { askStatus } from './ask-status.ts'

const STATUS = {
  role: 'leader',
  database: 'app.db',
  cluster: 'c',
  node: 'n',
  position: { epoch: 1, sequence: 3 },
  formats: ['wal/1'],
  sqlite: '3.54.1',
  walBytes: 1,
  logBytes: 2,
  followers: [],
}

test('a leader is asked without being followed, and its answer handed on', async () => {
  const { url, heard } = await listen([welcome(), status(STATUS)])
  expect(await askStatus({ url })).toEqual(STATUS)
  expect(heard).toEqual(['hello', 'status-request'])
})

test.each<[string, LeaderMessage[], string]>([
  ['a refusal', [{ kind: 'refuse', code: 'X', message: 'no', hint: '' }], 'PEER_REFUSED'],
  ['junk instead of JSON', [welcome(), { kind: 'status', json: new Uint8Array([0xff]) }], 'PROTOCOL_MESSAGE'],
  ['JSON that is no status', [welcome(), status({ role: 'leader' })], 'PROTOCOL_MESSAGE'],
  ['null', [welcome(), status(null)], 'PROTOCOL_MESSAGE'],
])('%s is an error', async (_title, answers, code) => {
  const { url } = await listen(answers)
  await expect(askStatus({ url })).rejects.toMatchObject({ code })
})

test('a leader that hangs up is an error', async () => {
  const { url } = await listen([])
  await expect(askStatus({ url })).rejects.toMatchObject({ code: 'PEER_LEFT' })
})

test('an address where nobody listens is an error', async () => {
  await expect(askStatus({ url: 'tcp://127.0.0.1:1' })).rejects.toMatchObject({ code: 'CONNECT_FAILED' })
})

/** A leader that answers each message with the next of these, and hangs up when it has no more. */
async function listen(answers: readonly LeaderMessage[]): Promise<{ url: string; heard: string[] }> {
  const left = [...answers]
  const heard: string[] = []
  const listener = await listenTcp({
    port: 0,
    onError() {},
    onLink: (link) => ({
      message(bytes) {
        heard.push(decodeMessage(bytes).kind)
        const answer = left.shift()
        if (answer === undefined) return link.close()
        link.send(encodeMessage(answer))
      },
      drain() {},
      closed() {},
    }),
  })
  onTestFinished(() => listener.close())
  return { url: listener.url, heard }
}

function welcome(): LeaderMessage {
  const tip = { epoch: 1, sequence: 3 }
  const [version] = PROTOCOL_VERSIONS
  return {
    kind: 'welcome',
    version,
    cluster: 'c'.repeat(32),
    node: 'n'.repeat(32),
    epoch: 1,
    format: 'wal',
    formatVersion: 1,
    pageSize: 4096,
    tip,
    time: 0,
  }
}

function status(value: unknown): LeaderMessage {
  return { kind: 'status', json: new TextEncoder().encode(JSON.stringify(value)) }
}
