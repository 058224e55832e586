import { join } from 'node:path'
import { openLogicalReplica } from '../../src/logical/open-logical-replica.ts'
import type { LogicalReplicaOptions } from '../../src/logical/logical-replica.ts'
import type { Replica } from '../../src/replica/replica.ts'
import { takeSnapshot } from '../replica/follow.ts'
import { jsonRows } from './json-rows.ts'
import { RowLeader, type RowLeaderOptions } from './row-leader.ts'

export interface Pair {
  readonly leader: RowLeader
  readonly replica: Replica
  /** The paths of the two. */
  readonly source: string
  readonly copy: string
}

/** A leader with this schema and these rows, and a logical copy of it. */
export async function newPair(
  folder: string,
  sql: string,
  options: Partial<LogicalReplicaOptions> & { readonly leader?: RowLeaderOptions } = {},
): Promise<Pair> {
  const source = join(folder, 'leader.db')
  const leader = new RowLeader(source, options.leader)
  leader.run(sql)
  const replica = await openRows(folder, options)
  await takeSnapshot(leader.still(), replica)
  return { leader, replica, source, copy: replica.database }
}

/** Opens a logical copy as the tests want it: without threads. */
export function openRows(folder: string, options: Partial<LogicalReplicaOptions> = {}): Promise<Replica> {
  return openLogicalReplica({ database: join(folder, 'copy.db'), formats: [jsonRows], threads: false, ...options })
}
