import { deepEqual, equal } from 'node:assert/strict'
import { StemmaError } from '@stemma/base'
import type { Bench, Pair } from './bench.ts'
import type { Rule } from './rule.ts'

/** How links end. */
export const endingRules: readonly Rule[] = [
  {
    id: 'TR-11',
    says: 'What was sent before `close` still arrives; then each end is told once, in good order.',
    async check(bench) {
      const pair = await bench.pair()
      pair.left.up.send([new Uint8Array(2_000_000)])
      pair.left.up.send([Uint8Array.of(1)])
      pair.left.up.close()
      pair.left.up.close(new StemmaError('BAD_ARGUMENT', 'a second close says nothing'))
      deepEqual(pair.left.closings, [], 'told within close')
      await mustEnd(bench, pair, ['in good order', 'in good order'])
      const sizes = pair.right.messages.map((bytes) => bytes.byteLength)
      deepEqual(sizes, [2_000_000, 1], 'the sizes of what was sent before close')
    },
  },
  {
    id: 'TR-12',
    says: 'The reason that is given to `close` is told on this side only.',
    async check(bench) {
      const pair = await bench.pair()
      pair.left.up.close(new StemmaError('DAMAGED_ENTRY', 'made up'))
      await mustEnd(bench, pair, ['DAMAGED_ENTRY', 'in good order'])
    },
  },
  {
    id: 'TR-13',
    says: 'After `close` nothing comes in and nothing goes out, and `send` returns false.',
    async check(bench) {
      const pair = await bench.pair()
      const { left, right } = pair
      right.up.send([Uint8Array.of(1)])
      right.up.flush()
      left.up.close()
      equal(left.up.send([Uint8Array.of(2)]), false, 'send after close')
      await mustEnd(bench, pair, ['in good order', 'in good order'])
      deepEqual([left.messages, right.messages], [[], []], 'what came in after close')
      equal(right.up.send([Uint8Array.of(3)]), false, 'send after the other end has closed')
    },
  },
  {
    id: 'TR-14',
    says: 'A handler that throws a StemmaError closes its link with it, in the midst of what came; the other end learns LINK_LOST.',
    async check(bench) {
      const pair = await bench.pair()
      pair.right.onMessage = (bytes) => {
        if (bytes[0] === 2) throw new StemmaError('DAMAGED_ENTRY', 'made up')
      }
      for (const first of [1, 2, 3]) pair.left.up.send([Uint8Array.of(first)])
      await mustEnd(bench, pair, ['LINK_LOST', 'DAMAGED_ENTRY'])
      deepEqual(firstsOf(pair), [1, 2], 'what came')
    },
  },
  {
    id: 'TR-15',
    says: 'A handler that closes its link hears no more.',
    async check(bench) {
      const pair = await bench.pair()
      pair.right.onMessage = () => pair.right.up.close()
      for (const first of [1, 2, 3]) pair.left.up.send([Uint8Array.of(first)])
      await mustEnd(bench, pair, ['in good order', 'in good order'])
      deepEqual(firstsOf(pair), [1], 'what came')
    },
  },
  {
    id: 'TR-16',
    says: 'Both ends may close at once, in good order.',
    async check(bench) {
      const pair = await bench.pair()
      pair.left.up.close()
      pair.right.up.close()
      await mustEnd(bench, pair, ['in good order', 'in good order'])
    },
  },
  {
    id: 'TR-17',
    says: 'A connection that breaks is told to both ends as LINK_LOST.',
    async check(bench) {
      const pair = await bench.pair()
      pair.left.up.send([Uint8Array.of(1)])
      await bench.until('a message', () => pair.right.messages.length > 0)
      pair.connection.cut()
      await mustEnd(bench, pair, ['LINK_LOST', 'LINK_LOST'])
    },
  },
]

/** Waits for both ends to be told, and for a while to see that it is the last they hear. */
async function mustEnd(bench: Bench, { left, right }: Pair, endings: readonly [string, string]): Promise<void> {
  await bench.until('the end of the link', () => left.isClosed && right.isClosed)
  const heard = (): number[] => [left.messages.length, left.drains, right.messages.length, right.drains]
  const before = heard()
  await bench.settle()
  deepEqual([left.ending, right.ending], endings, 'how both ends ended')
  deepEqual(heard(), before, 'messages and drains that were told after the end')
}

function firstsOf({ right }: Pair): (number | undefined)[] {
  return right.messages.map((bytes) => bytes[0])
}
