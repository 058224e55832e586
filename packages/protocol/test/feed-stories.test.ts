import { expect, test } from 'vitest'
import type { FeedConfig } from '../src/index.ts'
import { playFeed, trim } from './play.ts'

test.each<[title: string, config: Partial<FeedConfig>, story: string]>([
  [
    'P-41, P-42: a feed asks from its position, hands on what comes, and grants credit as its reader takes it (P-43)',
    {},
    `
      connected
        > hello wants=feed epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=feed(position=2:7) credit=800
      < verdict verdict=go-on(from=2:7)
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      < entries first=8, last=9, bytes=<300 bytes>
        take first=8 last=9 bytes=<300 bytes>
      taken position=2:9
      < heartbeat tip=2:10, time=1
        > ack received=2:9 durable=2:7 applied=2:7 credit=800
      consumed position=2:8, waitingBytes=200
        > ack received=2:9 durable=2:8 applied=2:8 credit=900
      < entries first=9, last=9, bytes=<100 bytes>
      < entries first=12, last=12, bytes=<100 bytes>
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
    `,
  ],
  [
    'P-42: after a lost link it goes on behind what its host took; what its reader has not taken yet is part of the window',
    {},
    `
      connected
        > hello wants=feed epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=feed(position=2:7) credit=800
      < verdict verdict=go-on(from=2:7)
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      < entries first=8, last=9, bytes=<900 bytes>
        take first=8 last=9 bytes=<900 bytes>
      taken position=2:9
      disconnected
        report disconnected
      connected
        > hello wants=feed cluster=c1 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=feed(position=2:9) credit=0
      < verdict verdict=go-on(from=2:9)
        report going-on position=2:9
        > ack received=2:9 durable=2:9 applied=2:9 credit=0
      consumed position=2:8, waitingBytes=500
        > ack received=2:9 durable=2:9 applied=2:9 credit=300
      consumed position=2:9, waitingBytes=0
        > ack received=2:9 durable=2:9 applied=2:9 credit=800
      < entry-part sequence=10, offset=0, total=900, bytes=<700 bytes>
      < entry-part sequence=10, offset=700, total=900, bytes=<200 bytes>
        take first=10 last=10 bytes=<900 bytes>
      taken position=2:10
      < entries first=11, last=11, bytes=<10 bytes>
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
    `,
  ],
  [
    'P-41: without a position it goes on from the tip, and after a lost link from there',
    { from: undefined },
    `
      connected
        > hello wants=feed
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=feed() credit=800
      < verdict verdict=go-on(from=2:10)
        report going-on position=2:10
        > ack received=2:10 durable=2:10 applied=2:10 credit=800
      disconnected
        report disconnected
      connected
        > hello wants=feed cluster=c1
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=feed(position=2:10) credit=800
    `,
  ],
  [
    'P-41: a position that is not kept stops it',
    {},
    `
      connected
        > hello wants=feed epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=feed(position=2:7) credit=800
      < verdict verdict=not-kept(oldest=2:9)
        stop error=!POSITION_NOT_KEPT
      connected
    `,
  ],
  [
    'P-41: a position that is not in the history stops it',
    {},
    `
      connected
        > hello wants=feed epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=feed(position=2:7) credit=800
      < verdict verdict=diverged()
        stop error=!POSITION_UNKNOWN
    `,
  ],
  [
    'P-41: falling behind the log stops it',
    {},
    `
      connected
        > hello wants=feed epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=feed(position=2:7) credit=800
      < verdict verdict=go-on(from=2:7)
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      < verdict verdict=go-on(from=2:7)
      < verdict verdict=not-kept()
        stop error=!POSITION_NOT_KEPT
    `,
  ],
  [
    'P-41: leave to go on from elsewhere ends the link',
    {},
    `
      connected
        > hello wants=feed epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=feed(position=2:7) credit=800
      < verdict verdict=go-on(from=2:8)
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
    `,
  ],
  [
    'P-40: a feed reads no other history than before, and a snapshot ends the link',
    { cluster: 'c1' },
    `
      connected
        > hello wants=feed cluster=c1 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=feed(position=2:7) credit=800
      < verdict verdict=snapshot(why=too-far-behind)
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
      connected
        > hello wants=feed cluster=c1 epoch=2
      < welcome cluster=c2
        stop error=!CLUSTER_MISMATCH
    `,
  ],
  [
    'P-9: a feed reads from no leader of an older epoch than it has seen',
    { from: { epoch: 3, sequence: 1 } },
    `
      connected
        > hello wants=feed epoch=3
      < welcome
        stop error=!STALE_LEADER
    `,
  ],
  [
    'P-6: a version or a format that was not offered ends the link; a refusal stops it, or is tried again when that may help (P-40)',
    {},
    `
      connected
        > hello wants=feed epoch=2
      < welcome version=9
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
      connected
        > hello wants=feed epoch=2
      < welcome format=row
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
      connected
        > hello wants=feed epoch=2
      < refuse code=LEADER_BUSY, message=later, hint=wait
        disconnect error=!LEADER_BUSY
        report disconnected error=!LEADER_BUSY
      connected
        > hello wants=feed epoch=2
      < refuse code=NO_COMMON_FORMAT, message=no, hint=no
        stop error=!NO_COMMON_FORMAT
    `,
  ],
  [
    'P-32, P-34: a silent leader, and one that owes an answer or entries, counts as lost',
    {},
    `
      connected
        > hello wants=feed epoch=2
      @30000 tick
        disconnect error=!PEER_SILENT
        report disconnected error=!PEER_SILENT
      connected
        > hello wants=feed epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=feed(position=2:7) credit=800
      @50000 < heartbeat tip=2:10, time=1
        > alive
      @60000 tick
        disconnect error=!PEER_SILENT
        report disconnected error=!PEER_SILENT
      connected
        > hello wants=feed cluster=c1 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=feed(position=2:7) credit=800
      < verdict verdict=go-on(from=2:7)
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      @85000 < heartbeat tip=2:10, time=1
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      @90000 tick
        disconnect error=!PEER_SILENT
        report disconnected error=!PEER_SILENT
    `,
  ],
])('%s', (_title, config, story) => {
  expect(playFeed(story, config)).toBe(trim(story))
})
