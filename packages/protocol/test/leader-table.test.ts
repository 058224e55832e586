import { describe, expect, test } from 'vitest'
import { stepLeader, type Leader, type LeaderInput, type Message, type PeerPhase } from '../src/index.ts'
import { aLeader, parseInput, showEffect } from './play.ts'

/** What can happen: each input, and each message. */
type Event = Exclude<LeaderInput['kind'], 'message'> | `1< ${Message['kind']}`

const EVENTS: Readonly<Record<Event, string>> = {
  'link-opened': 'link-opened link=1',
  'bad-message': 'bad-message link=1 error=!PROTOCOL_MESSAGE',
  'link-closed': 'link-closed link=1',
  'link-full': 'link-full link=1',
  'link-writable': 'link-writable link=1',
  committed: 'committed tip=2:11, runs=[(format=wal, first=11, last=11, bytes=<40 bytes>)]',
  'log-read': 'log-read link=1 read=run(run=(format=wal, first=10, last=10, bytes=<40 bytes>))',
  history: 'history link=1 answer=held()',
  'snapshot-opened': 'snapshot-opened info=(snapshot=r.1, position=2:10)',
  'snapshot-failed': 'snapshot-failed snapshot=r.1 error=!LOG_FULL',
  'pages-read': 'pages-read link=1 snapshot=r.1 first=1 count=1 bytes=<4096 bytes>',
  'status-made': 'status-made link=1 json=<2 bytes>',
  stop: 'stop',
  tick: 'tick',
  '1< hello': '1< hello',
  '1< follow': '1< follow state=copy(position=2:8, digest=#8), credit=300',
  '1< ack': '1< ack received=2:9, durable=2:9, applied=2:9, credit=400',
  '1< open-snapshot': '1< open-snapshot',
  '1< fetch-pages': '1< fetch-pages snapshot=r.1, first=1, count=1',
  '1< close-snapshot': '1< close-snapshot snapshot=r.1',
  '1< alive': '1< alive',
  '1< status-request': '1< status-request',
  '1< welcome': '1< welcome',
  '1< refuse': '1< refuse code=CLUSTER_MISMATCH, message=no, hint=no',
  '1< verdict': '1< verdict verdict=go-on()',
  '1< entries': '1< entries first=8, last=9, bytes=<80 bytes>',
  '1< entry-part': '1< entry-part sequence=8, offset=0, total=9, bytes=<9 bytes>',
  '1< heartbeat': '1< heartbeat tip=2:10, time=1',
  '1< snapshot': '1< snapshot snapshot=r.1, position=2:10',
  '1< pages': '1< pages snapshot=r.1, first=3, count=2, bytes=<8192 bytes>',
  '1< status': '1< status json=<2 bytes>',
  '1< bye': '1< bye code=PEER_LEFT, message=stops',
}

/** How link 1 comes into each phase, at a leader whose tip is 2:10. */
const WAYS: Readonly<Record<PeerPhase, readonly string[]>> = {
  greeting: ['link-opened link=1'],
  visiting: ['link-opened link=1', '1< hello wants=status'],
  welcomed: ['link-opened link=1', '1< hello'],
  checking: ['link-opened link=1', '1< hello', '1< follow state=copy(position=2:9, digest=#9), credit=300'],
  following: [
    'link-opened link=1',
    '1< hello',
    '1< follow state=copy(position=2:9, digest=#9), credit=300',
    'history link=1 answer=held()',
  ],
  copying: ['link-opened link=1', '1< hello', '1< open-snapshot', 'snapshot-opened info=(snapshot=r.1, position=2:10)'],
}

/** The other end broke the protocol: the link is closed, and why is told. */
const OFFENCE =
  /^gone: 1> bye code=PROTOCOL_MESSAGE; close link=1 error=!PROTOCOL_MESSAGE; report (follower-left|link-refused) link=1 error=!PROTOCOL_MESSAGE$/

/** Events that the host can't bring about in a phase: they are bugs of the host. */
const NEVER = 'a bug of the host'

// Every phase meets every event; a missing cell doesn't compile. `-` changes nothing.
const TABLE: Readonly<Record<PeerPhase, Readonly<Record<Event, string>>>> = {
  greeting: {
    'link-opened': 'a bug of the host',
    'bad-message': 'dismissed',
    'link-closed': 'gone:',
    'link-full': '-',
    'link-writable': '-',
    committed: '-',
    'log-read': '-',
    history: '-',
    'snapshot-opened': 'close-snapshot snapshot=r.1',
    'snapshot-failed': '-',
    'pages-read': '-',
    'status-made': '1> status json=<2 bytes>',
    stop: 'gone: 1> bye code=PEER_LEFT; close link=1 error=!PEER_LEFT; report link-refused link=1 error=!PEER_LEFT',
    tick: '-',
    '1< hello': 'welcomed: 1> welcome time=2; report follower-joined link=1',
    '1< follow': 'dismissed',
    '1< ack': 'dismissed',
    '1< open-snapshot': 'dismissed',
    '1< fetch-pages': 'dismissed',
    '1< close-snapshot': 'dismissed',
    '1< alive': 'dismissed',
    '1< status-request': 'dismissed',
    '1< welcome': 'dismissed',
    '1< refuse': 'dismissed',
    '1< verdict': 'dismissed',
    '1< entries': 'dismissed',
    '1< entry-part': 'dismissed',
    '1< heartbeat': 'dismissed',
    '1< snapshot': 'dismissed',
    '1< pages': 'dismissed',
    '1< status': 'dismissed',
    '1< bye': 'dismissed',
  },
  visiting: {
    'link-opened': 'a bug of the host',
    'bad-message': 'dismissed',
    'link-closed': 'gone:',
    'link-full': '-',
    'link-writable': '-',
    committed: '-',
    'log-read': '-',
    history: '-',
    'snapshot-opened': 'close-snapshot snapshot=r.1',
    'snapshot-failed': '-',
    'pages-read': '-',
    'status-made': '1> status json=<2 bytes>',
    stop: 'gone: 1> bye code=PEER_LEFT; close link=1 error=!PEER_LEFT; report link-refused link=1 error=!PEER_LEFT',
    tick: '-',
    '1< hello': 'dismissed',
    '1< follow': 'dismissed',
    '1< ack': '-',
    '1< open-snapshot': 'dismissed',
    '1< fetch-pages': '-',
    '1< close-snapshot': '-',
    '1< alive': '-',
    '1< status-request': 'answer-status link=1',
    '1< welcome': 'dismissed',
    '1< refuse': 'dismissed',
    '1< verdict': 'dismissed',
    '1< entries': 'dismissed',
    '1< entry-part': 'dismissed',
    '1< heartbeat': 'dismissed',
    '1< snapshot': 'dismissed',
    '1< pages': 'dismissed',
    '1< status': 'dismissed',
    '1< bye': 'dismissed',
  },
  welcomed: {
    'link-opened': 'a bug of the host',
    'bad-message': 'dismissed',
    'link-closed': 'gone: report follower-left link=1',
    'link-full': '-',
    'link-writable': '-',
    committed: '-',
    'log-read': '-',
    history: '-',
    'snapshot-opened': 'close-snapshot snapshot=r.1',
    'snapshot-failed': '-',
    'pages-read': '-',
    'status-made': '1> status json=<2 bytes>',
    stop: 'gone: 1> bye code=PEER_LEFT; close link=1 error=!PEER_LEFT; report follower-left link=1 error=!PEER_LEFT',
    tick: '-',
    '1< hello': 'dismissed',
    '1< follow': 'checking: check-history link=1 format=wal position=2:8 digest=#8',
    '1< ack': '-',
    '1< open-snapshot': 'copying: open-snapshot snapshot=r.1',
    '1< fetch-pages': '-',
    '1< close-snapshot': '-',
    '1< alive': '-',
    '1< status-request': 'answer-status link=1',
    '1< welcome': 'dismissed',
    '1< refuse': 'dismissed',
    '1< verdict': 'dismissed',
    '1< entries': 'dismissed',
    '1< entry-part': 'dismissed',
    '1< heartbeat': 'dismissed',
    '1< snapshot': 'dismissed',
    '1< pages': 'dismissed',
    '1< status': 'dismissed',
    '1< bye': 'dismissed',
  },
  checking: {
    'link-opened': 'a bug of the host',
    'bad-message': 'dismissed',
    'link-closed': 'gone: report follower-left link=1',
    'link-full': '-',
    'link-writable': '-',
    committed: '-',
    'log-read': '-',
    history: 'following: 1> verdict verdict=go-on(); read-log link=1 format=wal after=9 upTo=10 maxBytes=100',
    'snapshot-opened': 'close-snapshot snapshot=r.1',
    'snapshot-failed': '-',
    'pages-read': '-',
    'status-made': '1> status json=<2 bytes>',
    stop: 'gone: 1> bye code=PEER_LEFT; close link=1 error=!PEER_LEFT; report follower-left link=1 error=!PEER_LEFT',
    tick: '-',
    '1< hello': 'dismissed',
    '1< follow': 'dismissed',
    '1< ack': '-',
    '1< open-snapshot': 'dismissed',
    '1< fetch-pages': '-',
    '1< close-snapshot': '-',
    '1< alive': '-',
    '1< status-request': 'answer-status link=1',
    '1< welcome': 'dismissed',
    '1< refuse': 'dismissed',
    '1< verdict': 'dismissed',
    '1< entries': 'dismissed',
    '1< entry-part': 'dismissed',
    '1< heartbeat': 'dismissed',
    '1< snapshot': 'dismissed',
    '1< pages': 'dismissed',
    '1< status': 'dismissed',
    '1< bye': 'dismissed',
  },
  following: {
    'link-opened': 'a bug of the host',
    'bad-message': 'dismissed',
    'link-closed': 'gone: report follower-left link=1',
    'link-full': '-',
    'link-writable': '-',
    committed: '-',
    'log-read': '1> entries first=10 last=10 bytes=<40 bytes>',
    history: '-',
    'snapshot-opened': 'close-snapshot snapshot=r.1',
    'snapshot-failed': '-',
    'pages-read': 'read-log link=1 format=wal after=9 upTo=10 maxBytes=100',
    'status-made': '1> status json=<2 bytes>',
    stop: 'gone: 1> bye code=PEER_LEFT; close link=1 error=!PEER_LEFT; report follower-left link=1 error=!PEER_LEFT',
    tick: '-',
    '1< hello': 'dismissed',
    '1< follow': 'dismissed',
    '1< ack': '-',
    '1< open-snapshot': 'copying: report follower-needs-snapshot link=1 why=asked; open-snapshot snapshot=r.1',
    '1< fetch-pages': '-',
    '1< close-snapshot': '-',
    '1< alive': '-',
    '1< status-request': 'answer-status link=1',
    '1< welcome': 'dismissed',
    '1< refuse': 'dismissed',
    '1< verdict': 'dismissed',
    '1< entries': 'dismissed',
    '1< entry-part': 'dismissed',
    '1< heartbeat': 'dismissed',
    '1< snapshot': 'dismissed',
    '1< pages': 'dismissed',
    '1< status': 'dismissed',
    '1< bye': 'dismissed',
  },
  copying: {
    'link-opened': 'a bug of the host',
    'bad-message': 'dismissed',
    'link-closed': 'gone: report follower-left link=1',
    'link-full': '-',
    'link-writable': '-',
    committed: '-',
    'log-read': '-',
    history: '-',
    'snapshot-opened': '1> snapshot snapshot=r.1 position=2:10',
    'snapshot-failed':
      'gone: 1> bye code=SNAPSHOT_FAILED; close link=1 error=!SNAPSHOT_FAILED; report follower-left link=1 error=!SNAPSHOT_FAILED',
    'pages-read': '1> pages snapshot=r.1 first=1 count=1 bytes=<4096 bytes>',
    'status-made': '1> status json=<2 bytes>',
    stop: 'gone: 1> bye code=PEER_LEFT; close link=1 error=!PEER_LEFT; report follower-left link=1 error=!PEER_LEFT; close-snapshot snapshot=r.1',
    tick: '-',
    '1< hello': 'dismissed',
    '1< follow': 'dismissed',
    '1< ack': '-',
    '1< open-snapshot': 'dismissed',
    '1< fetch-pages': 'read-pages link=1 snapshot=r.1 first=1 count=1',
    '1< close-snapshot': 'welcomed: close-snapshot snapshot=r.1',
    '1< alive': '-',
    '1< status-request': 'answer-status link=1',
    '1< welcome': 'dismissed',
    '1< refuse': 'dismissed',
    '1< verdict': 'dismissed',
    '1< entries': 'dismissed',
    '1< entry-part': 'dismissed',
    '1< heartbeat': 'dismissed',
    '1< snapshot': 'dismissed',
    '1< pages': 'dismissed',
    '1< status': 'dismissed',
    '1< bye': 'dismissed',
  },
}

describe.each(Object.entries(TABLE))('P-39: %s', (phase, cells) => {
  test.each(Object.entries(cells))('%s', (event, want) => {
    expect(meet(phase as PeerPhase, event as Event)).toBe(want)
  })
})

function meet(phase: PeerPhase, event: Event): string {
  const before = come(phase)
  expect(before.peers.get(1)?.phase).toBe(phase)
  try {
    const { leader, effects } = stepLeader(before, parseInput(EVENTS[event]) as LeaderInput, 2)
    const done = effects.map(showEffect).join('; ')
    const after = leader.peers.get(1)?.phase ?? 'gone'
    const to = after === phase ? '' : `${after}: `
    const outcome = `${to}${done}`.trim()
    if (OFFENCE.test(outcome)) return 'dismissed'
    return outcome === '' ? '-' : outcome
  } catch {
    return NEVER
  }
}

function come(phase: PeerPhase): Leader {
  let leader = aLeader()
  for (const line of WAYS[phase]) leader = stepLeader(leader, parseInput(line) as LeaderInput, 1).leader
  return leader
}
