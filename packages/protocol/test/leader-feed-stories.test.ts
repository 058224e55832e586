import { expect, test } from 'vitest'
import { followersAt, neededAfter, stepLeader, type LeaderInput } from '../src/index.ts'
import { aLeader, parseInput, playLeader, trim } from './play.ts'

test.each<[title: string, story: string]>([
  [
    'P-41: a feed goes on from a position that the host finds, or from the tip, and is told from where',
    `
      link-opened link=1
      1< hello wants=feed
        1> welcome
        report follower-joined link=1 wants=feed
      1< follow state=feed(position=2:7), credit=300
        check-history link=1 format=wal position=2:7
      history link=1 answer=held()
        1> verdict verdict=go-on(from=2:7)
        read-log link=1 format=wal after=7 upTo=10 maxBytes=100
      link-opened link=2
      2< hello wants=feed, node=G
        2> welcome
        report follower-joined link=2 node=G wants=feed
      2< follow state=feed(), credit=300
        2> verdict verdict=go-on(from=2:10)
      committed tip=2:11, runs=[(format=wal, first=11, last=11, bytes=<40 bytes>)]
        2> entries first=11 last=11 bytes=<40 bytes>
      2< ack received=2:11, durable=2:10, applied=2:10, credit=400
      2< ack received=2:12, durable=2:10, applied=2:10, credit=400
        2> bye code=PROTOCOL_MESSAGE
        close link=2 error=!PROTOCOL_MESSAGE
        report follower-left link=2 node=G error=!PROTOCOL_MESSAGE
    `,
  ],
  [
    'P-41: a feed whose position is not kept, or not in the history, is told so, also when it falls behind; never a snapshot (P-40)',
    `
      link-opened link=1
      1< hello wants=feed
        1> welcome
        report follower-joined link=1 wants=feed
      1< follow state=feed(position=1:3), credit=300
        check-history link=1 format=wal position=1:3
      history link=1 answer=not-kept(oldest=1:5)
        1> verdict verdict=not-kept(oldest=1:5)
      1< follow state=feed(position=2:99), credit=300
        check-history link=1 format=wal position=2:99
      history link=1 answer=not-held()
        1> verdict verdict=diverged()
      1< follow state=feed(position=2:7), credit=300
        check-history link=1 format=wal position=2:7
      history link=1 answer=held()
        1> verdict verdict=go-on(from=2:7)
        read-log link=1 format=wal after=7 upTo=10 maxBytes=100
      log-read link=1 read=gone(oldest=9)
        1> verdict verdict=not-kept()
      1< open-snapshot
        1> bye code=PROTOCOL_MESSAGE
        close link=1 error=!PROTOCOL_MESSAGE
        report follower-left link=1 error=!PROTOCOL_MESSAGE
    `,
  ],
  [
    'P-46: a feed of another SQLite gets the format that it asks for',
    `
      link-opened link=1
      1< hello wants=feed, sqlite="3.53.2", formats=[(name=statement, versions=[1])]
        1> welcome format=statement
        report follower-joined link=1 format=statement wants=feed
    `,
  ],
  [
    'P-40: a feed is refused as a follower is, and what comes for one thing is not given another',
    `
      link-opened link=1
      1< hello wants=feed, cluster=c2
        1> refuse code=CLUSTER_MISMATCH
        close link=1 error=!CLUSTER_MISMATCH
        report link-refused link=1 error=!CLUSTER_MISMATCH
      link-opened link=2
      2< hello wants=feed, formats=[]
        2> refuse code=NO_COMMON_FORMAT
        close link=2 error=!NO_COMMON_FORMAT
        report link-refused link=2 error=!NO_COMMON_FORMAT
      link-opened link=3
      3< hello wants=feed
        3> welcome
        report follower-joined link=3 wants=feed
      3< follow state=empty(), credit=300
        3> bye code=PROTOCOL_MESSAGE
        close link=3 error=!PROTOCOL_MESSAGE
        report follower-left link=3 error=!PROTOCOL_MESSAGE
      link-opened link=4
      4< hello
        4> welcome
        report follower-joined link=4
      4< follow state=feed(), credit=300
        4> bye code=PROTOCOL_MESSAGE
        close link=4 error=!PROTOCOL_MESSAGE
        report follower-left link=4 error=!PROTOCOL_MESSAGE
    `,
  ],
  [
    'P-44: who came to ask gets an answer or the code of an error, one question at a time',
    `
      link-opened link=1
      1< hello wants=ask, formats=[], cluster=c2
        1> welcome
      1< ask body=<9 bytes>
        answer-question link=1 body=<9 bytes>
      question-answered link=1 answer=body(body=<5 bytes>)
        1> answer body=<5 bytes>
      question-answered link=1 answer=body(body=<5 bytes>)
      1< ask body=<8 bytes>
        answer-question link=1 body=<8 bytes>
      question-answered link=1 answer=error(code=BAD_ARGUMENT, message=no)
        1> answer code=BAD_ARGUMENT
      1< ask body=<8 bytes>
        answer-question link=1 body=<8 bytes>
      1< ask body=<8 bytes>
        1> bye code=PROTOCOL_MESSAGE
        close link=1 error=!PROTOCOL_MESSAGE
        report link-refused link=1 error=!PROTOCOL_MESSAGE
      question-answered link=1 answer=body(body=<5 bytes>)
    `,
  ],
  [
    'P-44: who came for something else may not ask',
    `
      link-opened link=1
      1< hello wants=status
        1> welcome
      1< ask body=<9 bytes>
        1> bye code=PROTOCOL_MESSAGE
        close link=1 error=!PROTOCOL_MESSAGE
        report link-refused link=1 error=!PROTOCOL_MESSAGE
    `,
  ],
])('%s', (_title, story) => {
  expect(playLeader(story)).toBe(trim(story))
})

test('P-43: a feed counts for what the log must keep, and not as a follower that has something', () => {
  const lines = [
    'link-opened link=1',
    '1< hello wants=feed',
    '1< follow state=feed(position=2:7), credit=300',
    'history link=1 answer=held()',
    'log-read link=1 read=run(run=(format=wal, first=8, last=10, bytes=<90 bytes>))',
    '1< ack received=2:10, durable=2:8, applied=2:8, credit=300',
  ]
  const leader = lines.reduce((before, line) => stepLeader(before, parseInput(line) as LeaderInput, 0).leader, aLeader())
  expect(neededAfter(leader)).toBe(8)
  for (const level of ['received', 'durable', 'applied'] as const)
    expect(followersAt(leader, { epoch: 2, sequence: 1 }, level)).toBe(0)
})
