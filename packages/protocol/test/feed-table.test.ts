import { describe, expect, test } from 'vitest'
import { stepFeed, type Feed, type FeedInput, type FeedPhase, type Message } from '../src/index.ts'
import { aFeed, parseInput, showEffect } from './play.ts'

/** What can happen: each input, and each message. */
type Event = Exclude<FeedInput['kind'], 'message'> | `< ${Message['kind']}`

const EVENTS: Readonly<Record<Event, string>> = {
  connected: 'connected',
  disconnected: 'disconnected',
  'bad-message': 'bad-message error=!PROTOCOL_MESSAGE',
  taken: 'taken position=2:8',
  consumed: 'consumed position=2:8, waitingBytes=0',
  tick: 'tick',
  '< welcome': '< welcome',
  '< refuse': '< refuse code=CLUSTER_MISMATCH, message=no, hint=no',
  '< verdict': '< verdict verdict=go-on(from=2:7)',
  '< entries': '< entries first=8, last=9, bytes=<80 bytes>',
  '< entry-part': '< entry-part sequence=8, offset=0, total=9, bytes=<9 bytes>',
  '< heartbeat': '< heartbeat tip=2:10, time=1',
  '< snapshot': '< snapshot snapshot=r.1, position=2:10',
  '< pages': '< pages snapshot=r.1, first=3, count=2, bytes=<8192 bytes>',
  '< status': '< status json=<2 bytes>',
  '< bye': '< bye code=PEER_LEFT, message=stops',
  '< answer': '< answer message="", body=<2 bytes>',
  '< hello': '< hello',
  '< follow': '< follow state=empty(), credit=1',
  '< ack': '< ack received=2:7, durable=2:7, applied=2:7, credit=1',
  '< open-snapshot': '< open-snapshot',
  '< fetch-pages': '< fetch-pages snapshot=r.1, first=1, count=1',
  '< close-snapshot': '< close-snapshot snapshot=r.1',
  '< alive': '< alive',
  '< status-request': '< status-request',
  '< ask': '< ask body=<2 bytes>',
}

/** How a feed from 2:7 comes into each phase. */
const WAYS: Readonly<Record<FeedPhase, readonly string[]>> = {
  offline: [],
  greeting: ['connected'],
  asking: ['connected', '< welcome'],
  following: ['connected', '< welcome', '< verdict verdict=go-on(from=2:7)'],
  stopped: ['connected', '< welcome', '< verdict verdict=diverged()'],
}

/** The other end broke the protocol: the link is closed, and why is told. */
const OFFENCE = /^offline: disconnect error=!PROTOCOL_MESSAGE; report disconnected error=!PROTOCOL_MESSAGE$/

/** What a phase does with the events that it does nothing special with. */
function all(want: string, others: Partial<Record<Event, string>>): Readonly<Record<Event, string>> {
  const cells = Object.keys(EVENTS).map((event) => [event, want])
  return { ...(Object.fromEntries(cells) as Record<Event, string>), ...others }
}

const LOST = 'offline: disconnect error=!PEER_LEFT; report disconnected error=!PEER_LEFT'

// Every phase meets every event. `-` changes nothing but the feed's notes.
const TABLE: Readonly<Record<FeedPhase, Readonly<Record<Event, string>>>> = {
  offline: all('-', { connected: 'greeting: > hello wants=feed epoch=2' }),
  greeting: all('given up', {
    connected: 'a bug of the host',
    disconnected: 'offline: report disconnected',
    taken: '-',
    consumed: '-',
    tick: '-',
    '< welcome': 'asking: report connected node=L format=wal tip=2:10; > follow state=feed(position=2:7) credit=800',
    '< refuse': 'stopped: stop error=!CLUSTER_MISMATCH',
    '< bye': LOST,
  }),
  asking: all('given up', {
    connected: 'a bug of the host',
    disconnected: 'offline: report disconnected',
    taken: '-',
    consumed: '-',
    tick: '-',
    '< verdict': 'following: report going-on position=2:7; > ack received=2:7 durable=2:7 applied=2:7 credit=800',
    '< entries': '-',
    '< entry-part': '-',
    '< heartbeat': '> alive',
    '< status': '-',
    '< answer': '-',
    '< bye': LOST,
  }),
  following: all('given up', {
    connected: 'a bug of the host',
    disconnected: 'offline: report disconnected',
    taken: '-',
    consumed: '> ack received=2:7 durable=2:8 applied=2:8 credit=800',
    tick: '-',
    '< verdict': '-',
    '< entries': 'take first=8 last=9 bytes=<80 bytes>',
    '< entry-part': 'take first=8 last=8 bytes=<9 bytes>',
    '< heartbeat': '> ack received=2:7 durable=2:7 applied=2:7 credit=800',
    '< status': '-',
    '< answer': '-',
    '< bye': LOST,
  }),
  stopped: all('-', {}),
}

describe.each(Object.entries(TABLE))('P-39: a feed that is %s', (phase, cells) => {
  test.each(Object.entries(cells))('%s', (event, want) => {
    expect(meet(phase as FeedPhase, event as Event)).toBe(want)
  })
})

function meet(phase: FeedPhase, event: Event): string {
  const before = come(phase)
  expect(before.phase).toBe(phase)
  try {
    const { feed, effects } = stepFeed(before, parseInput(EVENTS[event]) as FeedInput, 2)
    const done = effects.map(showEffect).join('; ')
    const to = feed.phase === phase ? '' : `${feed.phase}: `
    const outcome = `${to}${done}`.trim()
    if (OFFENCE.test(outcome)) return 'given up'
    return outcome === '' ? '-' : outcome
  } catch {
    return 'a bug of the host'
  }
}

function come(phase: FeedPhase): Feed {
  let feed = aFeed()
  for (const line of WAYS[phase]) feed = stepFeed(feed, parseInput(line) as FeedInput, 1).feed
  return feed
}
