import { StemmaError, type Position } from '@stemma/base'
import { betterSqlite3, nodeDisk, openLogStore } from '@stemma/storage'
import { openAsker } from '../questions/ask-leader.ts'
import type { ChangeCommit } from './change-commit.ts'
import { openChanges, type ChangesOptions } from './changes.ts'
import { readLogChanges } from './log-changes.ts'

export interface TargetOptions extends Omit<ChangesOptions, 'url'> {
  /** A URL, or the path of a database on this machine. */
  readonly target: string
}

/** Changes of whatever was named. */
export interface TargetChanges {
  readonly commits: AsyncIterable<ChangeCommit>
  /** The commits come from behind this position. */
  readonly from: Position
  /** True when nobody serves the database: the commits end with its log. */
  readonly ends: boolean
  close(): Promise<void>
}

/** A leader on this machine that does not answer within this time is taken for gone, in milliseconds. */
const ANSWER_MS = 2_000

/**
 * Opens the changes of a leader, or of a database on this machine: from its leader when one is at work, else from its log.
 *
 * @throws StemmaError as `openChanges` does; NO_LOG when no leader ever served the database; of the log
 */
export async function openTargetChanges({ target, ...options }: TargetOptions): Promise<TargetChanges> {
  if (/^(?:tcp|tls):\/\//.test(target)) return await live(target, options)
  const { url, cluster, position } = readLogFacts(target)
  if (url !== '' && (await isThere(url, cluster, options))) return await live(url, options)
  const from = options.from ?? position
  const { tables } = options
  const commits = options.from === undefined ? nothing() : readLogChanges({ database: target, from, tables })
  return { commits, from, ends: true, close: async () => void (await commits.return()) }
}

async function live(url: string, options: Omit<ChangesOptions, 'url'>): Promise<TargetChanges> {
  const changes = await openChanges({ url, ...options })
  return { commits: changes, from: changes.position, ends: false, close: () => changes.close() }
}

function readLogFacts(database: string): { readonly url: string; readonly cluster: string; readonly position: Position } {
  const log = openLogStore({ database, driver: betterSqlite3, disk: nodeDisk, readOnly: true })
  try {
    const place = log.readPlace()
    if (place === undefined) throw new StemmaError('NO_LOG', `the log of ${database} has not begun yet`)
    return { url: log.url, cluster: log.cluster, position: place.position }
  } finally {
    log.close()
  }
}

/** A leader that dies leaves its address behind, where somebody else may listen by now. One that is there and won't have us is no reason to look elsewhere. */
async function isThere(url: string, cluster: string, { token, tls }: Pick<ChangesOptions, 'token' | 'tls'>): Promise<boolean> {
  try {
    const asker = await openAsker({ url, token, tls, signal: AbortSignal.timeout(ANSWER_MS) })
    asker.close()
    return asker.cluster === cluster
  } catch (error) {
    if (StemmaError.is(error) && error.recovery !== 'retry') throw error
    return false
  }
}

async function* nothing(): AsyncGenerator<ChangeCommit, void, undefined> {}
