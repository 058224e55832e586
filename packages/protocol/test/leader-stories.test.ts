import { expect, test } from 'vitest'
import { playLeader, trim } from './play.ts'

test.each<[title: string, story: string]>([
  [
    'P-5: hello is answered by welcome, or by refuse when there is no protocol version in common (P-6)',
    `
      link-opened link=1
      1< hello
        1> welcome
        report follower-joined link=1
      link-opened link=2
      2< hello versions=[7, 9], node=G
        2> refuse code=PROTOCOL_VERSION
        close link=2 error=!PROTOCOL_VERSION
        report link-refused link=2 error=!PROTOCOL_VERSION
      link-opened link=3
      3< follow state=empty(), credit=1
        3> bye code=PROTOCOL_MESSAGE
        close link=3 error=!PROTOCOL_MESSAGE
        report link-refused link=3 error=!PROTOCOL_MESSAGE
      1< hello
        1> bye code=PROTOCOL_MESSAGE
        close link=1 error=!PROTOCOL_MESSAGE
        report follower-left link=1 error=!PROTOCOL_MESSAGE
    `,
  ],
  [
    'P-7: the first format of the list is taken that the leader serves in a version that the follower reads',
    `
      link-opened link=1
      1< hello formats=[(name=row, versions=[1]), (name=wal, versions=[2, 1])]
        1> welcome
        report follower-joined link=1
      link-opened link=2
      2< hello node=G, formats=[(name=wal, versions=[2])]
        2> refuse code=NO_COMMON_FORMAT
        close link=2 error=!NO_COMMON_FORMAT
        report link-refused link=2 error=!NO_COMMON_FORMAT
    `,
  ],
  [
    'P-45: a format that needs the same SQLite is not for a follower of another version; the next of its list is, if there is one',
    `
      link-opened link=1
      1< hello formats=[(name=statement, versions=[1]), (name=wal, versions=[1])]
        1> welcome format=statement
        report follower-joined link=1 format=statement
      link-opened link=2
      2< hello node=G, sqlite="3.53.2", formats=[(name=statement, versions=[1]), (name=wal, versions=[1])]
        2> welcome
        report follower-joined link=2 node=G
      link-opened link=3
      3< hello node=H, sqlite="3.53.2", formats=[(name=statement, versions=[1])]
        3> refuse code=SQLITE_VERSION_DIFFERS
        close link=3 error=!SQLITE_VERSION_DIFFERS
        report link-refused link=3 error=!SQLITE_VERSION_DIFFERS
    `,
  ],
  [
    'P-45: who does not say which SQLite it runs is taken for another; a format version that it does not read is another matter',
    `
      link-opened link=1
      1< hello sqlite="", formats=[(name=statement, versions=[1])]
        1> refuse code=SQLITE_VERSION_DIFFERS
        close link=1 error=!SQLITE_VERSION_DIFFERS
        report link-refused link=1 error=!SQLITE_VERSION_DIFFERS
      link-opened link=2
      2< hello sqlite="3.53.2", formats=[(name=statement, versions=[2])]
        2> refuse code=NO_COMMON_FORMAT
        close link=2 error=!NO_COMMON_FORMAT
        report link-refused link=2 error=!NO_COMMON_FORMAT
    `,
  ],
  [
    'P-45: what a leader runs does not matter to the formats that say nothing of it',
    `
      link-opened link=1
      1< hello sqlite="3.44.6"
        1> welcome
        report follower-joined link=1
    `,
  ],
  [
    'P-8: a copy of another cluster, or with pages of another size, is refused',
    `
      link-opened link=1
      1< hello cluster=c2, pageSize=4096, epoch=1
        1> refuse code=CLUSTER_MISMATCH
        close link=1 error=!CLUSTER_MISMATCH
        report link-refused link=1 error=!CLUSTER_MISMATCH
      link-opened link=2
      2< hello cluster=c1, pageSize=512, epoch=1
        2> refuse code=PAGE_SIZE_MISMATCH
        close link=2 error=!PAGE_SIZE_MISMATCH
        report link-refused link=2 error=!PAGE_SIZE_MISMATCH
    `,
  ],
  [
    'P-9: a copy that has seen a newer leader is refused',
    `
      link-opened link=1
      1< hello cluster=c1, pageSize=4096, epoch=3
        1> refuse code=STALE_LEADER
        close link=1 error=!STALE_LEADER
        report link-refused link=1 error=!STALE_LEADER
    `,
  ],
  [
    'P-10: a node that connects again takes the place of its older link',
    `
      link-opened link=1
      1< hello
        1> welcome
        report follower-joined link=1
      link-opened link=2
      2< hello
        2> welcome
        1> bye code=PEER_LEFT
        close link=1 error=!PEER_LEFT
        report follower-left link=1 error=!PEER_LEFT
        report follower-joined link=2
      link-closed link=1
    `,
  ],
  [
    'P-12: a follower goes on only from a position that the host finds in its history',
    `
      link-opened link=1
      1< hello
        1> welcome
        report follower-joined link=1
      1< follow state=copy(position=2:10, digest=#a), credit=300
        check-history link=1 format=wal position=2:10 digest=#a
      history link=1 answer=held()
        1> verdict verdict=go-on()
      link-opened link=2
      2< hello node=G
        2> welcome
        report follower-joined link=2 node=G
      2< follow state=copy(position=1:3, digest=#3), credit=300
        check-history link=2 format=wal position=1:3 digest=#3
      history link=2 answer=not-kept()
        2> verdict verdict=snapshot(why=too-far-behind)
        report follower-needs-snapshot link=2 node=G why=too-far-behind
      2< follow state=copy(position=2:9, digest=#99), credit=300
        check-history link=2 format=wal position=2:9 digest=#99
      history link=2 answer=not-held(at=2:5)
        2> verdict verdict=diverged(at=2:5)
        report follower-diverged link=2 node=G position=2:9
      link-opened link=3
      3< hello node=H
        3> welcome
        report follower-joined link=3 node=H
      3< follow state=empty(), credit=300
        3> verdict verdict=snapshot(why=empty)
        report follower-needs-snapshot link=3 node=H why=empty
      3< follow state=unknown(), credit=300
        3> verdict verdict=snapshot(why=unknown)
        report follower-needs-snapshot link=3 node=H why=unknown
    `,
  ],
  [
    'P-14: what may not be shipped yet is not asked for; P-16: one reading at a time, none beyond the credit; P-17: acks grant more',
    `
      link-opened link=1
      1< hello
        1> welcome
        report follower-joined link=1
      1< follow state=copy(position=2:7, digest=#7), credit=150
        check-history link=1 format=wal position=2:7 digest=#7
      history link=1 answer=held()
        1> verdict verdict=go-on()
        read-log link=1 format=wal after=7 upTo=10 maxBytes=100
      committed tip=2:11
      log-read link=1 read=run(run=(format=wal, first=8, last=9, bytes=<90 bytes>))
        1> entries first=8 last=9 bytes=<90 bytes>
        read-log link=1 format=wal after=9 upTo=11 maxBytes=60
      log-read link=1 read=run(run=(format=wal, first=10, last=10, bytes=<80 bytes>))
        1> entries first=10 last=10 bytes=<80 bytes>
      1< ack received=2:10, durable=2:7, applied=2:10, credit=320
        read-log link=1 format=wal after=10 upTo=11 maxBytes=100
      link-full link=1
      log-read link=1 read=run(run=(format=wal, first=11, last=11, bytes=<20 bytes>))
        1> entries first=11 last=11 bytes=<20 bytes>
      committed tip=2:12
      link-writable link=1
        read-log link=1 format=wal after=11 upTo=12 maxBytes=100
    `,
  ],
  [
    'P-19: a follower at the end gets the newest entries as they come, without a reading',
    `
      link-opened link=1
      1< hello
        1> welcome
        report follower-joined link=1
      1< follow state=copy(position=2:10, digest=#a), credit=300
        check-history link=1 format=wal position=2:10 digest=#a
      history link=1 answer=held()
        1> verdict verdict=go-on()
      committed tip=2:12, runs=[(format=row, first=11, last=12, bytes=<9 bytes>), (format=wal, first=11, last=12, bytes=<60 bytes>)]
        1> entries first=11 last=12 bytes=<60 bytes>
      committed tip=2:13, runs=[(format=wal, first=13, last=13, bytes=<101 bytes>)]
        read-log link=1 format=wal after=12 upTo=13 maxBytes=100
      log-read link=1 read=run(run=(format=wal, first=13, last=13, bytes=<101 bytes>))
        1> entry-part sequence=13 offset=0 total=101 bytes=<100 bytes>
        1> entry-part sequence=13 offset=100 total=101 bytes=<1 bytes>
    `,
  ],
  [
    'P-18: an entry that is too large for a message goes in parts',
    `
      link-opened link=1
      1< hello
        1> welcome
        report follower-joined link=1
      1< follow state=copy(position=2:9, digest=#9), credit=300
        check-history link=1 format=wal position=2:9 digest=#9
      history link=1 answer=held()
        1> verdict verdict=go-on()
        read-log link=1 format=wal after=9 upTo=10 maxBytes=100
      log-read link=1 read=run(run=(format=wal, first=10, last=10, bytes=<250 bytes>))
        1> entry-part sequence=10 offset=0 total=250 bytes=<100 bytes>
        1> entry-part sequence=10 offset=100 total=250 bytes=<100 bytes>
        1> entry-part sequence=10 offset=200 total=250 bytes=<50 bytes>
    `,
  ],
  [
    'P-20: a follower whose next entry is no longer kept is told to take a snapshot',
    `
      link-opened link=1
      1< hello
        1> welcome
        report follower-joined link=1
      1< follow state=copy(position=2:7, digest=#7), credit=300
        check-history link=1 format=wal position=2:7 digest=#7
      history link=1 answer=held()
        1> verdict verdict=go-on()
        read-log link=1 format=wal after=7 upTo=10 maxBytes=100
      log-read link=1 read=gone(oldest=9)
        1> verdict verdict=snapshot(why=too-far-behind)
        report follower-needs-snapshot link=1 why=too-far-behind
      1< ack received=2:7, durable=2:7, applied=2:7, credit=300
      1< open-snapshot
        open-snapshot snapshot=r.1
    `,
  ],
  [
    'P-22: an ack of what was not sent ends the link',
    `
      link-opened link=1
      1< hello
        1> welcome
        report follower-joined link=1
      1< follow state=copy(position=2:10, digest=#a), credit=300
        check-history link=1 format=wal position=2:10 digest=#a
      history link=1 answer=held()
        1> verdict verdict=go-on()
      1< ack received=2:11, durable=2:10, applied=2:10, credit=300
        1> bye code=PROTOCOL_MESSAGE
        close link=1 error=!PROTOCOL_MESSAGE
        report follower-left link=1 error=!PROTOCOL_MESSAGE
    `,
  ],
  [
    'P-22: an ack that takes back what was acked ends the link',
    `
      link-opened link=1
      1< hello
        1> welcome
        report follower-joined link=1
      1< follow state=copy(position=2:10, digest=#a), credit=300
        check-history link=1 format=wal position=2:10 digest=#a
      history link=1 answer=held()
        1> verdict verdict=go-on()
      1< ack received=2:10, durable=2:10, applied=2:10, credit=300
      1< ack received=2:10, durable=2:9, applied=2:10, credit=300
        1> bye code=PROTOCOL_MESSAGE
        close link=1 error=!PROTOCOL_MESSAGE
        report follower-left link=1 error=!PROTOCOL_MESSAGE
    `,
  ],
  [
    'P-24: a snapshot is opened once, read range by range, and closed',
    `
      link-opened link=1
      1< hello
        1> welcome
        report follower-joined link=1
      1< follow state=empty(), credit=300
        1> verdict verdict=snapshot(why=empty)
        report follower-needs-snapshot link=1 why=empty
      1< open-snapshot
        open-snapshot snapshot=r.1
      snapshot-opened info=(snapshot=r.1, position=2:10)
        1> snapshot snapshot=r.1 position=2:10
      1< fetch-pages snapshot=r.1, first=1, count=2
        read-pages link=1 snapshot=r.1 first=1 count=2
      1< fetch-pages snapshot=r.1, first=3, count=3, have=<24 bytes>
      pages-read link=1 snapshot=r.1 first=1 count=2 bytes=<8192 bytes>
        1> pages snapshot=r.1 first=1 count=2 bytes=<8192 bytes>
        read-pages link=1 snapshot=r.1 first=3 count=3 have=<24 bytes>
      pages-read link=1 snapshot=r.1 first=3 count=3 leftOut=<1 bytes> bytes=<4096 bytes>
        1> pages snapshot=r.1 first=3 count=3 leftOut=<1 bytes> bytes=<4096 bytes>
      1< close-snapshot snapshot=r.1
        close-snapshot snapshot=r.1
      1< follow state=copy(position=2:10, digest=#a), credit=300
        check-history link=1 format=wal position=2:10 digest=#a
    `,
  ],
  [
    'P-25: a follower that lost its link finds its snapshot again, for a while',
    `
      link-opened link=1
      1< hello
        1> welcome
        report follower-joined link=1
      1< open-snapshot
        open-snapshot snapshot=r.1
      snapshot-opened info=(snapshot=r.1, position=2:10)
        1> snapshot snapshot=r.1 position=2:10
      link-closed link=1
        report follower-left link=1
      link-opened link=2
      2< hello
        2> welcome
        report follower-joined link=2
      2< open-snapshot resume=r.1
        2> snapshot snapshot=r.1 position=2:10
      link-closed link=2
        report follower-left link=2
      @59999 tick
      @60000 tick
        close-snapshot snapshot=r.1
      @60001 link-opened link=3
      3< hello
        3> welcome time=60001
        report follower-joined link=3
      3< open-snapshot resume=r.1
        open-snapshot snapshot=r.2
    `,
  ],
  [
    'P-25: another node does not get it, and a snapshot whose follower left gives way when all places are taken',
    `
      link-opened link=1
      1< hello
        1> welcome
        report follower-joined link=1
      1< open-snapshot
        open-snapshot snapshot=r.1
      snapshot-opened info=(snapshot=r.1, position=2:10)
        1> snapshot snapshot=r.1 position=2:10
      link-closed link=1
        report follower-left link=1
      link-opened link=2
      2< hello node=G
        2> welcome
        report follower-joined link=2 node=G
      2< open-snapshot resume=r.1
        open-snapshot snapshot=r.2
      snapshot-opened info=(snapshot=r.2, position=2:10)
        2> snapshot snapshot=r.2 position=2:10
      link-opened link=3
      3< hello node=H
        3> welcome
        report follower-joined link=3 node=H
      3< open-snapshot
        close-snapshot snapshot=r.1
        open-snapshot snapshot=r.3
      link-opened link=4
      4< hello node=I
        4> welcome
        report follower-joined link=4 node=I
      4< open-snapshot
        4> bye code=LEADER_BUSY
        close link=4 error=!LEADER_BUSY
        report follower-left link=4 node=I error=!LEADER_BUSY
    `,
  ],
  [
    'P-26: fetches beyond the last page, before the snapshot is open, or too many at a time end the link',
    `
      link-opened link=1
      1< hello
        1> welcome
        report follower-joined link=1
      1< open-snapshot
        open-snapshot snapshot=r.1
      1< fetch-pages snapshot=r.1, first=1, count=1
        1> bye code=PROTOCOL_MESSAGE
        close link=1 error=!PROTOCOL_MESSAGE
        report follower-left link=1 error=!PROTOCOL_MESSAGE
      link-opened link=2
      2< hello node=G
        2> welcome
        report follower-joined link=2 node=G
      2< open-snapshot
        open-snapshot snapshot=r.2
      snapshot-opened info=(snapshot=r.2, position=2:10)
        2> snapshot snapshot=r.2 position=2:10
      2< fetch-pages snapshot=r.2, first=5, count=2
        2> bye code=PROTOCOL_MESSAGE
        close link=2 error=!PROTOCOL_MESSAGE
        report follower-left link=2 node=G error=!PROTOCOL_MESSAGE
      link-opened link=3
      3< hello node=G
        3> welcome
        report follower-joined link=3 node=G
      3< open-snapshot resume=r.2
        3> snapshot snapshot=r.2 position=2:10
      3< fetch-pages snapshot=r.2, first=1, count=1
        read-pages link=3 snapshot=r.2 first=1 count=1
      3< fetch-pages snapshot=r.2, first=2, count=1
      3< fetch-pages snapshot=r.2, first=3, count=1
      3< fetch-pages snapshot=r.2, first=4, count=1
        3> bye code=PROTOCOL_MESSAGE
        close link=3 error=!PROTOCOL_MESSAGE
        report follower-left link=3 node=G error=!PROTOCOL_MESSAGE
    `,
  ],
  [
    'P-28: a snapshot that the host lost, or that nobody fetches from, ends its link',
    `
      link-opened link=1
      1< hello
        1> welcome
        report follower-joined link=1
      1< open-snapshot
        open-snapshot snapshot=r.1
      snapshot-failed snapshot=r.1 error=!LOG_FULL
        1> bye code=SNAPSHOT_FAILED
        close link=1 error=!SNAPSHOT_FAILED
        report follower-left link=1 error=!SNAPSHOT_FAILED
      @0 link-opened link=2
      2< hello
        2> welcome
        report follower-joined link=2
      2< open-snapshot
        open-snapshot snapshot=r.2
      snapshot-opened info=(snapshot=r.2, position=2:10)
        2> snapshot snapshot=r.2 position=2:10
      @29000 2< alive
      @58000 2< alive
      @87000 2< alive
      @116000 2< alive
      @120000 tick
        2> heartbeat tip=2:10 time=120000
        close-snapshot snapshot=r.2
        2> bye code=PEER_SILENT
        close link=2 error=!PEER_SILENT
        report follower-left link=2 error=!PEER_SILENT
    `,
  ],
  [
    'P-28: a snapshot that was given up while the host opened it is closed',
    `
      link-opened link=1
      1< hello
        1> welcome
        report follower-joined link=1
      1< open-snapshot
        open-snapshot snapshot=r.1
      1< close-snapshot snapshot=r.1
        close-snapshot snapshot=r.1
      snapshot-opened info=(snapshot=r.1, position=2:10)
        close-snapshot snapshot=r.1
    `,
  ],
  [
    'P-32: a link without hello is closed after a while, and one that falls silent',
    `
      link-opened link=1
      link-opened link=2
      2< hello
        2> welcome
        report follower-joined link=2
      @9999 tick
        2> heartbeat tip=2:10 time=9999
      @10000 tick
        1> bye code=PEER_SILENT
        close link=1 error=!PEER_SILENT
        report link-refused link=1 error=!PEER_SILENT
      @30000 tick
        2> bye code=PEER_SILENT
        close link=2 error=!PEER_SILENT
        report follower-left link=2 error=!PEER_SILENT
    `,
  ],
  [
    'P-33: everybody who said hello hears a heartbeat each second, unless the link is full',
    `
      link-opened link=1
      link-opened link=2
      2< hello
        2> welcome
        report follower-joined link=2
      link-opened link=3
      3< hello node=G
        3> welcome
        report follower-joined link=3 node=G
      link-full link=3
      @1000 tick
        2> heartbeat tip=2:10 time=1000
      @1500 tick
      @2000 tick
        2> heartbeat tip=2:10 time=2000
    `,
  ],
  [
    'P-36: who comes for the status needs no copy and no format, and follows nothing',
    `
      link-opened link=1
      1< hello wants=status, formats=[], node=V
        1> welcome
      1< status-request
        answer-status link=1
      status-made link=1 json=<2 bytes>
        1> status json=<2 bytes>
      1< follow state=empty(), credit=1
        1> bye code=PROTOCOL_MESSAGE
        close link=1 error=!PROTOCOL_MESSAGE
        report link-refused link=1 error=!PROTOCOL_MESSAGE
    `,
  ],
  [
    'P-37: a leader that stops tells everybody, and closes its snapshots; links beyond the limit are told to come later',
    `
      link-opened link=1
      link-opened link=2
      2< hello
        2> welcome
        report follower-joined link=2
      2< open-snapshot
        open-snapshot snapshot=r.1
      link-opened link=3
      link-opened link=4
        4> bye code=LEADER_BUSY
        close link=4 error=!LEADER_BUSY
        report link-refused link=4 error=!LEADER_BUSY
      stop
        1> bye code=PEER_LEFT
        close link=1 error=!PEER_LEFT
        report link-refused link=1 error=!PEER_LEFT
        2> bye code=PEER_LEFT
        close link=2 error=!PEER_LEFT
        report follower-left link=2 error=!PEER_LEFT
        3> bye code=PEER_LEFT
        close link=3 error=!PEER_LEFT
        report link-refused link=3 error=!PEER_LEFT
        close-snapshot snapshot=r.1
    `,
  ],
  [
    'P-47: who follows by a format that is withdrawn is told why, and refused when it comes again; all others go on',
    `
      link-opened link=1
      1< hello formats=[(name=statement, versions=[1])]
        1> welcome format=statement
        report follower-joined link=1 format=statement
      link-opened link=2
      2< hello node=G
        2> welcome
        report follower-joined link=2 node=G
      format-withdrawn format=statement error=!FORMAT_SUSPENDED
        1> bye code=FORMAT_SUSPENDED
        close link=1 error=!FORMAT_SUSPENDED
        report follower-left link=1 error=!FORMAT_SUSPENDED
      link-opened link=3
      3< hello formats=[(name=statement, versions=[1])]
        3> refuse code=NO_COMMON_FORMAT
        close link=3 error=!NO_COMMON_FORMAT
        report link-refused link=3 error=!NO_COMMON_FORMAT
      format-withdrawn format=wal error=!FORMAT_SUSPENDED
        2> bye code=FORMAT_SUSPENDED
        close link=2 error=!FORMAT_SUSPENDED
        report follower-left link=2 node=G error=!FORMAT_SUSPENDED
      link-opened link=4
      4< hello wants=status
        4> welcome format=none
    `,
  ],
  [
    'P-16: answers for links that are gone, or for what is no longer wanted, change nothing',
    `
      link-opened link=1
      1< hello
        1> welcome
        report follower-joined link=1
      1< follow state=copy(position=2:7, digest=#7), credit=300
        check-history link=1 format=wal position=2:7 digest=#7
      history link=1 answer=held()
        1> verdict verdict=go-on()
        read-log link=1 format=wal after=7 upTo=10 maxBytes=100
      1< open-snapshot
        report follower-needs-snapshot link=1 why=asked
        open-snapshot snapshot=r.1
      log-read link=1 read=run(run=(format=wal, first=8, last=8, bytes=<9 bytes>))
      history link=1 answer=held()
      link-closed link=1
        report follower-left link=1
      log-read link=1 read=end()
      history link=1 answer=held()
      pages-read link=1 snapshot=r.1 first=1 count=1
      status-made link=1 json=<2 bytes>
    `,
  ],
  [
    'P-2: bytes that are no message end the link',
    `
      link-opened link=1
      bad-message link=1 error=!PROTOCOL_MESSAGE
        1> bye code=PROTOCOL_MESSAGE
        close link=1 error=!PROTOCOL_MESSAGE
        report link-refused link=1 error=!PROTOCOL_MESSAGE
      link-opened link=2
      2< hello
        2> welcome
        report follower-joined link=2
      2< welcome
        2> bye code=PROTOCOL_MESSAGE
        close link=2 error=!PROTOCOL_MESSAGE
        report follower-left link=2 error=!PROTOCOL_MESSAGE
    `,
  ],
])('%s', (_title, story) => {
  expect(playLeader(story)).toBe(trim(story))
})
