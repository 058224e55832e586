import { expect, test } from 'vitest'
import { drawOptions, simulate } from '../src/index.ts'

// SEED=n replays one; SEEDS=n runs more than the usual 200.
const only = process.env['SEED']
const first = only === undefined ? 1 : Number(only)
const count = only === undefined ? Number(process.env['SEEDS'] ?? 200) : 1
process.stdout.write(`simulation: seeds ${first} to ${first + count - 1}; SEED=n replays one\n`)

/** They take half a minute on a machine that is busy with other things, and there may be more of them. */
const LONG = Math.max(120_000, count * 1_000)

/** What must have happened somewhere in 200 seeds, or they prove less than they seem to. */
const SOMETIMES = [
  'commits',
  'message entries',
  'message entry-part',
  'message pages',
  'snapshot resumed',
  'needs-snapshot empty',
  'needs-snapshot unknown',
  'needs-snapshot too-far-behind',
  'needs-snapshot differs',
  'needs-snapshot barrier',
  'needs-snapshot diverged',
  'follower diverged',
  'stopped CLUSTER_MISMATCH',
  'stopped PAGE_SIZE_MISMATCH',
  'stopped HISTORY_DIVERGED',
  'feed read',
  'feed found another history',
  'feed stopped POSITION_NOT_KEPT',
  'feed stopped POSITION_UNKNOWN',
  'bye LEADER_BUSY',
  'bye PEER_SILENT',
  'bye SNAPSHOT_FAILED',
  'bye PROTOCOL_MESSAGE',
  'disconnected PEER_SILENT',
]

test(
  `leader and followers keep their promises, and become equal once nothing goes wrong (seeds from ${first})`,
  { timeout: LONG },
  () => {
    const counts = new Map<string, number>()
    for (let seed = first; seed < first + count; seed++) {
      const { failure, lastLines, counts: some } = simulate(drawOptions(seed))
      for (const [what, times] of some) counts.set(what, (counts.get(what) ?? 0) + times)
      expect(failure, `SEED=${seed}\n${lastLines.join('\n')}`).toBeUndefined()
    }
    expect(SOMETIMES.filter((what) => count >= 200 && !counts.has(what))).toEqual([])
  },
)

test.each([1, 2, 3, 4, 5])('seed %i gives the same trace twice', (seed) => {
  const once = simulate(drawOptions(seed))
  const again = simulate(drawOptions(seed))
  expect(again.hash).toBe(once.hash)
  expect(again.steps).toBe(once.steps)
  expect(simulate(drawOptions(seed + 100)).hash).not.toBe(once.hash)
})
