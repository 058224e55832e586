import { expect, test } from 'vitest'
import { aLeader, parseInput } from '../test/play.ts'
import type { LeaderInput } from './leader-io.ts'
import { followersAt, neededAfter, peersOf, stepLeader } from './leader.ts'

test('P-23: followers are counted by node, at a level, while they are connected', () => {
  const leader = after(
    ...following(1, 'F', 8),
    ...following(2, 'G', 9),
    '1< ack received=2:8, durable=2:6, applied=2:8, credit=300',
  )
  const at = (sequence: number): readonly number[] =>
    (['received', 'applied', 'durable'] as const).map((level) => followersAt(leader, { epoch: 2, sequence }, level))
  // G has not acked anything yet.
  expect([6, 7, 8, 9].map(at)).toEqual([
    [1, 1, 1],
    [1, 1, 0],
    [1, 1, 0],
    [0, 0, 0],
  ])
  const left = stepLeader(leader, parseInput('link-closed link=1') as LeaderInput, 0).leader
  expect(followersAt(left, { epoch: 2, sequence: 1 }, 'received')).toBe(0)
})

test('P-28: what is still needed of the log: durable acks, snapshots, and snapshots being installed', () => {
  expect(neededAfter(after())).toBeUndefined()
  expect(neededAfter(after(...following(1, 'F', 8)))).toBe(8)
  expect(neededAfter(after(...following(1, 'F', 8), '1< ack received=2:8, durable=2:6, applied=2:8, credit=300'))).toBe(6)
  const copying = ['link-opened link=1', '1< hello', '1< open-snapshot', 'snapshot-opened info=(snapshot=r.1, position=2:10)']
  expect(neededAfter(after(...copying, 'committed tip=2:20'))).toBe(10)
  expect(neededAfter(after(...copying, 'committed tip=2:20', '1< close-snapshot snapshot=r.1'))).toBe(10)
  expect(neededAfter(after(...copying, 'link-closed link=1'))).toBe(10)
})

test('P-38: a step leaves the leader passed in as it was', () => {
  const leader = after(...following(1, 'F', 8))
  const before = peersOf(leader)
  const input = parseInput('log-read link=1 read=run(run=(format=wal, first=9, last=9, bytes=<9 bytes>))') as LeaderInput
  const once = stepLeader(leader, input, 5)
  const again = stepLeader(leader, input, 5)
  expect(peersOf(leader)).toEqual(before)
  expect(again).toEqual(once)
  expect(leader.peers.get(1)?.sent).toBe(8)
  expect(once.leader.peers.get(1)?.sent).toBe(9)
})

function following(link: number, node: string, sequence: number): readonly string[] {
  return [
    `link-opened link=${link}`,
    `${link}< hello node=${node}`,
    `${link}< follow state=copy(position=2:${sequence}, digest=#8), credit=300`,
    `history link=${link} answer=held()`,
  ]
}

function after(...lines: readonly string[]): ReturnType<typeof aLeader> {
  return lines.reduce((leader, line) => stepLeader(leader, parseInput(line) as LeaderInput, 0).leader, aLeader())
}
