import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Replica, ReplicaOptions } from '../../src/replica/replica.ts'
import { openReplica } from '../../src/replica/open-replica.ts'
import type { Staging } from '../../src/replica/staging.ts'
import { wholePages, type Still } from './test-leader.ts'

/** Runs a test in a folder of its own; in memory where the system offers that, since these tests sync very often. */
export async function inFolder(test: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'stemma-'))
  try {
    await test(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Opens a replica as the tests want it: without threads. */
export function open(folder: string, options: Partial<ReplicaOptions> = {}): Promise<Replica> {
  return openReplica({ database: join(folder, 'copy.db'), formats: [wholePages], threads: false, ...options })
}

/** Sends a leader's snapshot, a few pages at a time; gives how many pages were sent. */
export function send(leader: Still, staging: Staging, perRange = 7): number {
  let sent = 0
  for (let first = staging.next; first <= leader.pageCount; first += perRange) {
    const count = Math.min(perRange, leader.pageCount - first + 1)
    sent += sendRange(leader, staging, first, count)
  }
  return sent
}

export function sendRange(leader: Still, staging: Staging, first: number, count: number): number {
  const have = staging.have(first, count)
  const view = new DataView(have.buffer, have.byteOffset, have.byteLength)
  const leftOut = new Uint8Array(Math.ceil(count / 8))
  const parts: Uint8Array[] = []
  for (let i = 0; i < count; i++) {
    const sum = leader.sums.get(first + i)
    if (sum === 0n || (have.byteLength > 0 && view.getBigUint64(8 * i, true) === sum)) leftOut[i >> 3]! |= 1 << (i & 7)
    else parts.push(leader.pages.get(first + i)!)
  }
  staging.write({ first, count, leftOut, bytes: Buffer.concat(parts) })
  return parts.length
}

export async function takeSnapshot(leader: Still, replica: Replica): Promise<number> {
  const staging = await replica.stage(leader.snapshot)
  const sent = send(leader, staging)
  await staging.finish()
  return sent
}

/** The bytes of a copy whose WAL is gone. */
export function bytesOf(replica: Replica): Uint8Array {
  if (existsSync(`${replica.database}-wal`)) throw new Error('the copy still has a WAL')
  return readFileSync(replica.database)
}
