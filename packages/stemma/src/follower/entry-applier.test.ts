import { encodeEntry, type DecodedEntry } from '@stemma/log'
import type { Replica, ReplicaState } from '@stemma/storage'
import { expect, test } from 'vitest'
import { EntryApplier } from './entry-applier.ts'

/** A copy that notes what it is given at a time. */
class NotingReplica implements Pick<Replica, 'state' | 'apply' | 'room' | 'sync'> {
  readonly calls: number[][] = []
  sequence = 0

  get state(): ReplicaState {
    const position = { epoch: 1, sequence: this.sequence }
    return { kind: 'ready', cluster: '', format: 'x', position, digest: 0n, pageSize: 4096, pageCount: 1, wal: undefined }
  }

  apply(entries: readonly DecodedEntry[]): void {
    this.calls.push(entries.map((entry) => entry.position.sequence))
    this.sequence = entries.at(-1)?.position.sequence ?? this.sequence
  }

  room(): undefined {
    return undefined
  }

  sync(): Promise<{ epoch: number; sequence: number }> {
    return Promise.resolve({ epoch: 1, sequence: this.sequence })
  }
}

function runOf(first: number, last: number): Uint8Array {
  const entries = Array.from({ length: last - first + 1 }, (_, i) =>
    encodeEntry({
      format: 'x',
      formatVersion: 1,
      position: { epoch: 1, sequence: first + i },
      committedAt: 0,
      recovered: false,
      barrier: false,
      digest: 0n,
      digestBefore: 0n,
      payload: new Uint8Array(3),
    }),
  )
  return Buffer.concat(entries)
}

function opened(slices: boolean): { replica: NotingReplica; applier: EntryApplier; until: (sequence: number) => Promise<void> } {
  const replica = new NotingReplica()
  const applied: ((sequence: number) => void)[] = []
  const applier = new EntryApplier({
    replica: replica as unknown as Replica,
    merge: true,
    slices,
    step: (input) => {
      if (input.kind === 'applied') for (const tell of applied) tell(input.position.sequence)
    },
    warn: (error) => {
      throw error
    },
  })
  const until = (sequence: number): Promise<void> =>
    new Promise((resolve) => applied.push((at) => (at >= sequence ? resolve() : undefined)))
  return { replica, applier, until }
}

test('what waits is applied together', async () => {
  const { replica, applier, until } = opened(false)
  applier.add(runOf(1, 600))
  applier.add(runOf(601, 1_000))
  await until(1_000)
  expect(replica.calls.map((call) => call.length)).toEqual([1_000])
  await applier.close()
})

test('in slices, it is applied some at a time, in order and each once, and acked in between', async () => {
  const { replica, applier, until } = opened(true)
  applier.add(runOf(1, 600))
  applier.add(runOf(601, 1_000))
  await until(500)
  applier.add(runOf(1_001, 1_100))
  await until(1_100)
  expect(replica.calls.length).toBeGreaterThan(2)
  expect(replica.calls.flat()).toEqual(Array.from({ length: 1_100 }, (_, i) => i + 1))
  await applier.close()
})

test('what the protocol drops is not applied, whether it was decoded or not', async () => {
  const { replica, applier, until } = opened(true)
  applier.add(runOf(1, 5_000))
  await until(1)
  applier.drop()
  const before = replica.sequence
  expect(before).toBeLessThan(5_000)
  applier.add(runOf(before + 1, before + 1))
  await until(before + 1)
  expect(replica.sequence).toBe(before + 1)
  await applier.close()
})
