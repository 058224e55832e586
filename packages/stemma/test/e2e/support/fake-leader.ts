import { pageSum, type Position } from '@stemma/base'
import { decodeMessage, encodeMessage, type LeaderMessage, type Message, type Verdict } from '@stemma/protocol'
import { listenTcp, type Link } from '@stemma/transport'
import { onTestFinished } from 'vitest'

/** A database as a leader may claim to have it. */
export interface Claim {
  readonly cluster: string
  readonly pageSize: number
  readonly pageCount: number
  readonly digest: bigint
  readonly position: Position
  /** Bytes of a page; undefined leaves it out, as one that the follower has already. */
  page(pageNumber: number): Uint8Array | undefined
}

/** What a claim of a whole database file would be, if it were true. */
export function claimOf(bytes: Buffer, parts: { readonly cluster: string } & Partial<Claim>): Claim {
  const pageSize = parts.pageSize ?? (bytes.readUInt16BE(16) === 1 ? 65_536 : bytes.readUInt16BE(16))
  const pageCount = parts.pageCount ?? bytes.byteLength / pageSize
  const page = parts.page ?? ((n: number): Uint8Array => bytes.subarray((n - 1) * pageSize, n * pageSize))
  let digest = 0n
  for (let n = 1; n <= Math.min(pageCount, bytes.byteLength / pageSize); n++)
    digest ^= pageSum(n, page(n) ?? new Uint8Array(pageSize))
  return { position: { epoch: 1, sequence: 1_000 }, digest, ...parts, pageSize, pageCount, page }
}

export interface FakeLeader {
  readonly url: string
  /** What followers said. */
  readonly heard: readonly Message[]
}

export interface FakeLeaderOptions {
  readonly listen: string
  readonly claim: Claim
  readonly verdict: Verdict
  /** Sent after a verdict to go on. */
  readonly entries?: readonly LeaderMessage[]
  /** Answers in place of the leader that it plays; undefined leaves the answer to it. */
  answer?(message: Message, link: Link): readonly LeaderMessage[] | undefined
}

/** Somebody who speaks like a leader, and means no good. */
export async function openFakeLeader({ listen, claim, verdict, entries = [], answer }: FakeLeaderOptions): Promise<FakeLeader> {
  const heard: Message[] = []
  const listener = await listenTcp({
    port: Number(new URL(listen).port),
    onError: () => {},
    onLink: (link) => ({
      message(bytes) {
        const message = decodeMessage(bytes.slice())
        heard.push(message)
        const answers = answer?.(message, link) ?? answersTo(message, { claim, verdict, entries })
        for (const each of answers) link.send(encodeMessage(each))
      },
      drain() {},
      closed() {},
    }),
  })
  onTestFinished(() => listener.close())
  return { url: listener.url, heard }
}

function answersTo(
  message: Message,
  { claim, verdict, entries }: Required<Pick<FakeLeaderOptions, 'claim' | 'verdict' | 'entries'>>,
): readonly LeaderMessage[] {
  const { cluster, pageSize, pageCount, digest, position } = claim
  if (message.kind === 'hello') {
    const who = { cluster, node: 'f'.repeat(32), epoch: position.epoch, pageSize, tip: position, time: Date.now() }
    return [{ kind: 'welcome', version: 1, format: 'wal', formatVersion: 1, ...who }]
  }
  if (message.kind === 'follow') return [{ kind: 'verdict', verdict }, ...(verdict.kind === 'go-on' ? entries : [])]
  if (message.kind === 'open-snapshot') return [{ kind: 'snapshot', snapshot: 'fake.1', position, digest, pageSize, pageCount }]
  return message.kind === 'fetch-pages' ? [pagesOf(claim, message)] : []
}

function pagesOf(claim: Claim, { snapshot, first, count }: Extract<Message, { kind: 'fetch-pages' }>): LeaderMessage {
  const leftOut = new Uint8Array(Math.ceil(count / 8))
  const parts: Uint8Array[] = []
  for (let i = 0; i < count; i++) {
    const page = claim.page(first + i)
    if (page === undefined) leftOut[i >> 3]! |= 1 << (i & 7)
    else parts.push(page)
  }
  return { kind: 'pages', snapshot, first, count, leftOut, bytes: Buffer.concat(parts) }
}
