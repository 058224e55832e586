import { expect, test } from 'vitest'
import type { FollowerConfig } from '../src/index.ts'
import { COPY, playFollower, trim } from './play.ts'

type Story = readonly [title: string, story: string] | readonly [title: string, config: Partial<FollowerConfig>, story: string]

const STORIES: readonly Story[] = [
  [
    'P-5: the follower says hello, is welcomed, and goes on from where it stands',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      < verdict verdict=go-on()
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      < entries first=8, last=10, bytes=<120 bytes>
        apply first=8 last=10 bytes=<120 bytes>
      applied position=2:10 digest=#a committedAt=0
        > ack received=2:10 durable=2:7 applied=2:10 credit=920
        report caught-up position=2:10
      durable position=2:10
        > ack received=2:10 durable=2:10 applied=2:10 credit=920
    `,
  ],
  [
    'P-5: nothing but welcome, refuse or bye may come first, and welcome comes once',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < heartbeat tip=2:10, time=0
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      < welcome
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
    `,
  ],
  [
    'P-6: a version or format that was not offered is not taken',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome version=9
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome format=row
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome formatVersion=2
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
    `,
  ],
  [
    'P-8: a leader of another cluster is not followed',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome cluster=c2
        stop error=!CLUSTER_MISMATCH
      connected
    `,
  ],
  [
    'P-8: nor one with pages of another size',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome pageSize=512
        stop error=!PAGE_SIZE_MISMATCH
    `,
  ],
  [
    'P-9: nor one that a newer one has replaced',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome epoch=1
        stop error=!STALE_LEADER
    `,
  ],
  [
    'P-8: an empty follower takes what it gets',
    { held: { kind: 'empty' } },
    `
      connected
        > hello
      < welcome cluster=c2, pageSize=512, epoch=1, tip=1:3
        report connected node=L format=wal tip=1:3
        > follow state=empty() credit=800
    `,
  ],
  [
    'P-11: after a lost link the follower asks only when the host has done what the link before had brought',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      < verdict verdict=go-on()
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      < entries first=8, last=9, bytes=<80 bytes>
        apply first=8 last=9 bytes=<80 bytes>
      disconnected
        report disconnected
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
      applied position=2:8 digest=#8 committedAt=0
      applied position=2:9 digest=#9 committedAt=0
        > follow state=copy(position=2:9, digest=#9) credit=800
    `,
  ],
  [
    'P-13: a copy that diverged is replaced by a snapshot, by difference',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      < verdict verdict=diverged(at=2:5)
        report diverged position=2:7 at=2:5
        report needs-snapshot why=diverged
        > open-snapshot
      < snapshot snapshot=r.1, position=2:10
        stage info=(snapshot=r.1, position=2:10) cluster=c1 format=wal
    `,
  ],
  [
    'P-13: or left for a person to look at',
    { onDiverged: 'stop' },
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      < verdict verdict=diverged()
        report diverged position=2:7
        stop error=!HISTORY_DIVERGED
      connected
    `,
  ],
  [
    'P-15: entries after a gap end the link; what comes again is dropped',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      < verdict verdict=go-on()
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      < entries first=8, last=9, bytes=<80 bytes>
        apply first=8 last=9 bytes=<80 bytes>
      < entries first=8, last=9, bytes=<80 bytes>
      < entries first=9, last=10, bytes=<80 bytes>
        apply first=9 last=10 bytes=<80 bytes>
      < entries first=12, last=12, bytes=<40 bytes>
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
      < entries first=11, last=11, bytes=<40 bytes>
    `,
  ],
  [
    'P-17: credit comes back as entries are applied; more than was granted ends the link',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      < verdict verdict=go-on()
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      < entries first=8, last=8, bytes=<400 bytes>
        apply first=8 last=8 bytes=<400 bytes>
      < entries first=9, last=9, bytes=<390 bytes>
        apply first=9 last=9 bytes=<390 bytes>
      applied position=2:8 digest=#8 committedAt=0
        > ack received=2:9 durable=2:7 applied=2:8 credit=1200
      applied position=2:9 digest=#9 committedAt=0
        > ack received=2:9 durable=2:7 applied=2:9 credit=1590
      < entries first=10, last=10, bytes=<2000 bytes>
        apply first=10 last=10 bytes=<2000 bytes>
      < entries first=11, last=11, bytes=<1 bytes>
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
    `,
  ],
  [
    'P-18: an entry in parts is handed on when it is whole',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      < verdict verdict=go-on()
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      < entry-part sequence=8, offset=0, total=30, bytes=<10 bytes>
      < entry-part sequence=8, offset=10, total=30, bytes=<10 bytes>
      < entry-part sequence=8, offset=20, total=30, bytes=<10 bytes>
        apply first=8 last=8 bytes=<30 bytes>
      < entry-part sequence=9, offset=0, total=30, bytes=<10 bytes>
      < entry-part sequence=9, offset=20, total=30, bytes=<10 bytes>
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
    `,
  ],
  [
    'P-20: a follower that fell out of the log takes a snapshot',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      < verdict verdict=go-on()
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      < verdict verdict=snapshot(why=too-far-behind)
        report needs-snapshot why=too-far-behind
        > open-snapshot
      < entries first=8, last=8, bytes=<40 bytes>
    `,
  ],
  [
    'P-21: an ack never says more than the host has said',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      < verdict verdict=go-on()
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      < entries first=8, last=10, bytes=<120 bytes>
        apply first=8 last=10 bytes=<120 bytes>
      < heartbeat tip=2:10, time=1
        > ack received=2:10 durable=2:7 applied=2:7 credit=800
      applied position=2:9 digest=#9 committedAt=0
        > ack received=2:10 durable=2:7 applied=2:9 credit=800
      durable position=2:8
        > ack received=2:10 durable=2:8 applied=2:9 credit=800
      applied position=2:10 digest=#a committedAt=0
        > ack received=2:10 durable=2:8 applied=2:10 credit=920
        report caught-up position=2:10
      durable position=2:8
    `,
  ],
  [
    'P-24: a snapshot is fetched range by range, installed, and gone on from (P-29)',
    { held: { kind: 'empty' } },
    `
      connected
        > hello
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=empty() credit=800
      < verdict verdict=snapshot(why=empty)
        report needs-snapshot why=empty
        > open-snapshot
      < snapshot snapshot=r.1, position=2:10
        stage info=(snapshot=r.1, position=2:10) cluster=c1 format=wal
      staged snapshot=r.1 next=1 compare=no
        report snapshot-started info=(snapshot=r.1, position=2:10) next=1
        > fetch-pages snapshot=r.1 first=1 count=2
        > fetch-pages snapshot=r.1 first=3 count=2
      < pages snapshot=r.1, first=1, count=2, bytes=<8192 bytes>
        write-pages snapshot=r.1 first=1 count=2 bytes=<8192 bytes>
      pages-written snapshot=r.1 first=1 count=2
        report snapshot-progress done=2 total=5
        > fetch-pages snapshot=r.1 first=5 count=1
      < pages snapshot=r.1, first=3, count=2, bytes=<8192 bytes>
        write-pages snapshot=r.1 first=3 count=2 bytes=<8192 bytes>
      < pages snapshot=r.1, first=5, count=1, bytes=<4096 bytes>
        write-pages snapshot=r.1 first=5 count=1 bytes=<4096 bytes>
      pages-written snapshot=r.1 first=3 count=2
        report snapshot-progress done=4 total=5
      pages-written snapshot=r.1 first=5 count=1
        report snapshot-progress done=5 total=5
        > close-snapshot snapshot=r.1
        finish-snapshot snapshot=r.1
      snapshot-installed held=copy(cluster=c1, position=2:10, digest=#a, pageSize=4096)
        report snapshot-installed position=2:10
        > follow state=copy(position=2:10, digest=#a) credit=800
      < verdict verdict=go-on()
        report going-on position=2:10
        > ack received=2:10 durable=2:10 applied=2:10 credit=800
        report caught-up position=2:10
    `,
  ],
  [
    'P-25: with a copy at hand its sums go along, and a snapshot begun is gone on with',
    { held: { kind: 'unknown', cluster: 'c1', pageSize: 4096, epoch: 2 }, resume: 'r.1' },
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=unknown() credit=800
      < verdict verdict=snapshot(why=unknown)
        report needs-snapshot why=unknown
        > open-snapshot resume=r.1
      < snapshot snapshot=r.1, position=2:10
        stage info=(snapshot=r.1, position=2:10) cluster=c1 format=wal
      staged snapshot=r.1 next=3 compare=yes
        report snapshot-started info=(snapshot=r.1, position=2:10) next=3
        read-sums snapshot=r.1 first=3 count=2
        read-sums snapshot=r.1 first=5 count=1
      sums-read snapshot=r.1 first=3 count=2 have=<16 bytes>
        > fetch-pages snapshot=r.1 first=3 count=2 have=<16 bytes>
      sums-read snapshot=r.1 first=5 count=1 have=<8 bytes>
        > fetch-pages snapshot=r.1 first=5 count=1 have=<8 bytes>
      < pages snapshot=r.1, first=3, count=2, leftOut=<1 bytes>, bytes=<8192 bytes>
        write-pages snapshot=r.1 first=3 count=2 leftOut=<1 bytes> bytes=<8192 bytes>
      disconnected
        report disconnected
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
      pages-written snapshot=r.1 first=3 count=2
        > follow state=unknown() credit=800
    `,
  ],
  [
    'P-25: a snapshot begun is of no use when there is nothing to mend',
    { held: COPY, resume: 'r.1' },
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      < verdict verdict=go-on()
        discard-snapshot snapshot=r.1
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
    `,
  ],
  [
    'P-27: pages that were not asked for end the link',
    { held: { kind: 'empty' } },
    `
      connected
        > hello
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=empty() credit=800
      < verdict verdict=snapshot(why=empty)
        report needs-snapshot why=empty
        > open-snapshot
      < snapshot snapshot=r.1, position=2:10
        stage info=(snapshot=r.1, position=2:10) cluster=c1 format=wal
      staged snapshot=r.1 next=1 compare=no
        report snapshot-started info=(snapshot=r.1, position=2:10) next=1
        > fetch-pages snapshot=r.1 first=1 count=2
        > fetch-pages snapshot=r.1 first=3 count=2
      < pages snapshot=r.0, first=1, count=2, bytes=<8192 bytes>
      < pages snapshot=r.1, first=5, count=1, bytes=<4096 bytes>
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
    `,
  ],
  [
    'P-27: and pages of a wrong size, and a snapshot that was not asked for',
    { held: { kind: 'empty' } },
    `
      connected
        > hello
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=empty() credit=800
      < verdict verdict=snapshot(why=empty)
        report needs-snapshot why=empty
        > open-snapshot
      < snapshot snapshot=r.1, position=2:10
        stage info=(snapshot=r.1, position=2:10) cluster=c1 format=wal
      staged snapshot=r.1 next=1 compare=no
        report snapshot-started info=(snapshot=r.1, position=2:10) next=1
        > fetch-pages snapshot=r.1 first=1 count=2
        > fetch-pages snapshot=r.1 first=3 count=2
      < pages snapshot=r.1, first=1, count=2, bytes=<8191 bytes>
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
      connected
        > hello
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=empty() credit=800
      < snapshot snapshot=r.1, position=2:10
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
    `,
  ],
  [
    'P-8: a snapshot with pages of another size than the leader had said is not taken',
    { held: { kind: 'empty' } },
    `
      connected
        > hello
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=empty() credit=800
      < verdict verdict=snapshot(why=empty)
        report needs-snapshot why=empty
        > open-snapshot
      < snapshot snapshot=r.1, position=2:10, pageSize=512
        stop error=!PAGE_SIZE_MISMATCH
    `,
  ],
  [
    'P-30: a copy that differs is mended by a snapshot; soon after it, the follower waits first',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      < verdict verdict=go-on()
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      < entries first=8, last=8, bytes=<40 bytes>
        apply first=8 last=8 bytes=<40 bytes>
      needs-resync why=differs
        report needs-snapshot why=differs
        > open-snapshot
      @1 < snapshot snapshot=r.1, position=2:10
        stage info=(snapshot=r.1, position=2:10) cluster=c1 format=wal
      @1 staged snapshot=r.1 next=6 compare=yes
        report snapshot-started info=(snapshot=r.1, position=2:10) next=6
        > close-snapshot snapshot=r.1
        finish-snapshot snapshot=r.1
      @2 snapshot-installed held=copy(cluster=c1, position=2:10, digest=#a, pageSize=4096)
        report snapshot-installed position=2:10
        > follow state=copy(position=2:10, digest=#a) credit=800
      @2 < verdict verdict=go-on()
        report going-on position=2:10
        > ack received=2:10 durable=2:10 applied=2:10 credit=800
        report caught-up position=2:10
      @3 < entries first=11, last=11, bytes=<40 bytes>
        apply first=11 last=11 bytes=<40 bytes>
      @3 needs-resync why=differs
        report needs-snapshot why=differs
        disconnect error=!HISTORY_DIVERGED retryAfterMs=59997
        report disconnected error=!HISTORY_DIVERGED
      @100000 connected
        > hello cluster=c1 pageSize=4096 epoch=2
      @100000 < welcome
        report connected node=L format=wal tip=2:10
        > follow state=unknown() credit=800
    `,
  ],
  [
    'P-30: a barrier needs a snapshot, as often as it comes',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      < verdict verdict=go-on()
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      < entries first=8, last=9, bytes=<40 bytes>
        apply first=8 last=9 bytes=<40 bytes>
      applied position=2:8 digest=#8 committedAt=0
        > ack received=2:9 durable=2:7 applied=2:8 credit=800
      needs-resync why=barrier
        report needs-snapshot why=barrier
        > open-snapshot
    `,
  ],
  [
    'P-30: an order to resync while a snapshot is being received begins anew',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      < verdict verdict=go-on()
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      < entries first=8, last=9, bytes=<40 bytes>
        apply first=8 last=9 bytes=<40 bytes>
      < verdict verdict=snapshot(why=too-far-behind)
        report needs-snapshot why=too-far-behind
        > open-snapshot
      < snapshot snapshot=r.1, position=2:10
        stage info=(snapshot=r.1, position=2:10) cluster=c1 format=wal
      needs-resync why=barrier
        report needs-snapshot why=barrier
        disconnect error=!HISTORY_DIVERGED
        report disconnected error=!HISTORY_DIVERGED
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=unknown() credit=800
    `,
  ],
  [
    'P-31: what the host can not do for now is tried again, what it can never do stops the follower',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      < verdict verdict=go-on()
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      < entries first=8, last=9, bytes=<40 bytes>
        apply first=8 last=9 bytes=<40 bytes>
      failed error=!CONNECT_FAILED
        disconnect error=!CONNECT_FAILED
        report disconnected error=!CONNECT_FAILED
      failed error=!CONNECT_FAILED
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      failed error=!DAMAGED_ENTRY
        report needs-snapshot why=differs error=!DAMAGED_ENTRY
        disconnect error=!DAMAGED_ENTRY
        report disconnected error=!DAMAGED_ENTRY
      < verdict verdict=go-on()
      failed error=!DAMAGED_FILE
        stop error=!DAMAGED_FILE
      tick
    `,
  ],
  [
    'P-32: a leader that falls silent is given up',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      @29999 tick
      @30000 tick
        disconnect error=!PEER_SILENT
        report disconnected error=!PEER_SILENT
      @30000 tick
    `,
  ],
  [
    'P-33: a heartbeat is answered, by the last ack while following',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      < heartbeat tip=2:11, time=5
        > alive
      < verdict verdict=go-on()
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      < heartbeat tip=2:11, time=6
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
    `,
  ],
  [
    'P-34: a leader that lives but owes an answer is given up',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      @20000 < heartbeat tip=2:10, time=20000
        > alive
      @29999 tick
      @30000 tick
        disconnect error=!PEER_SILENT
        report disconnected error=!PEER_SILENT
    `,
  ],
  [
    'P-34: and one that has more than it sends',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      < verdict verdict=go-on()
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      < entries first=8, last=8, bytes=<40 bytes>
        apply first=8 last=8 bytes=<40 bytes>
      @1000 tick
      @25000 applied position=2:8 digest=#8 committedAt=0
        > ack received=2:8 durable=2:7 applied=2:8 credit=840
      @25000 < heartbeat tip=2:10, time=25000
        > ack received=2:8 durable=2:7 applied=2:8 credit=840
      @50000 < heartbeat tip=2:10, time=50000
        > ack received=2:8 durable=2:7 applied=2:8 credit=840
      @54999 tick
      @55000 tick
        disconnect error=!PEER_SILENT
        report disconnected error=!PEER_SILENT
    `,
  ],
  [
    'P-35: reaching the tip is told once',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome tip=2:8
        report connected node=L format=wal tip=2:8
        > follow state=copy(position=2:7, digest=#7) credit=800
      < verdict verdict=go-on()
        report going-on position=2:7
        > ack received=2:7 durable=2:7 applied=2:7 credit=800
      < entries first=8, last=8, bytes=<40 bytes>
        apply first=8 last=8 bytes=<40 bytes>
      applied position=2:8 digest=#8 committedAt=0
        > ack received=2:8 durable=2:7 applied=2:8 credit=840
        report caught-up position=2:8
      < heartbeat tip=2:8, time=0
        > ack received=2:8 durable=2:7 applied=2:8 credit=840
      < entries first=9, last=9, bytes=<40 bytes>
        apply first=9 last=9 bytes=<40 bytes>
      applied position=2:9 digest=#9 committedAt=0
        > ack received=2:9 durable=2:7 applied=2:9 credit=880
    `,
  ],
  [
    'P-37: a leader that says good-bye is connected to again, one that refuses for good is not',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < bye code=PEER_LEFT, message=stops
        disconnect error=!PEER_LEFT
        report disconnected error=!PEER_LEFT
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < refuse code=LEADER_BUSY, message=full, hint=wait
        disconnect error=!LEADER_BUSY
        report disconnected error=!LEADER_BUSY
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < refuse code=SOMETHING_NEW, message=no, hint=upgrade
        stop error=!PEER_REFUSED
      connected
    `,
  ],
  [
    'P-2: bytes that are no message end the link, and so do messages that only followers send',
    `
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      bad-message error=!PROTOCOL_MESSAGE
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
      connected
        > hello cluster=c1 pageSize=4096 epoch=2
      < welcome
        report connected node=L format=wal tip=2:10
        > follow state=copy(position=2:7, digest=#7) credit=800
      < alive
        disconnect error=!PROTOCOL_MESSAGE
        report disconnected error=!PROTOCOL_MESSAGE
    `,
  ],
]

test.each(STORIES.map((story) => [story[0], story] as const))('%s', (_title, told) => {
  const [config, story] = told.length === 2 ? [{}, told[1]] : [told[1], told[2]]
  expect(playFollower(story, config)).toBe(trim(story))
})
