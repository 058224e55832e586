import { StemmaError, type Position } from '@stemma/base'
import { betterSqlite3, nodeDisk, openLogStore } from '@stemma/storage'
import { isLinkUrl } from '@stemma/transport'
import { loadFormats } from '../formats.ts'
import { openAsker } from '../questions/ask-leader.ts'
import type { ChangeCommit } from './change-commit.ts'
import { openChanges, openPayloads, type ChangesOptions, type Feed } from './changes.ts'
import type { FeedEntry } from './feed-entry.ts'
import { readLogChanges, readLogPayloads } from './log-changes.ts'

export interface TargetOptions extends Omit<ChangesOptions, 'url'> {
  /** A URL, or the path of a database on this machine. */
  readonly target: string
}

/** Commits of whatever was named. */
export interface TargetFeed<T> {
  readonly commits: AsyncIterable<T>
  /** The commits come from behind this position. */
  readonly from: Position
  /** True when nobody serves the database: the commits end with its log. */
  readonly ends: boolean
  close(): Promise<void>
}

export type TargetChanges = TargetFeed<ChangeCommit>

/** A leader on this machine that does not answer within this time is taken for gone, in milliseconds. */
const ANSWER_MS = 2_000

/**
 * Opens the changes of a leader, or of a database on this machine: from its leader when one is at work, else from its log.
 *
 * @throws StemmaError as `openChanges` does; NO_LOG when no leader ever served the database; of the log
 */
export async function openTargetChanges({ target, ...options }: TargetOptions): Promise<TargetChanges> {
  return await openTarget(target, options, {
    live: (url) => openChanges({ url, ...options }),
    log: (from) => readLogChanges({ database: target, from, tables: options.tables }),
  })
}

/**
 * Opens the payloads of one format in the same way.
 *
 * @throws StemmaError as `openTargetChanges` does; UNKNOWN_FORMAT, BAD_FORMAT
 */
export async function openTargetPayloads({
  target,
  format: name,
  ...options
}: Omit<TargetOptions, 'tables'> & { readonly format: string }): Promise<TargetFeed<FeedEntry>> {
  const [format] = await loadFormats([name])
  return await openTarget(target, options, {
    live: (url) => openPayloads({ url, ...options }, format!),
    log: (from) => readLogPayloads({ database: target, from }, format!.name),
  })
}

async function openTarget<T>(
  target: string,
  options: Omit<ChangesOptions, 'url'>,
  ways: { live(url: string): Promise<Feed<T>>; log(from: Position): AsyncGenerator<T, void, undefined> },
): Promise<TargetFeed<T>> {
  const live = async (url: string): Promise<TargetFeed<T>> => {
    const feed = await ways.live(url)
    return { commits: feed, from: feed.position, ends: false, close: () => feed.close() }
  }
  if (isLinkUrl(target)) return await live(target)
  const { url, cluster, position } = readLogFacts(target)
  if (url !== '' && (await isThere(url, cluster, options))) return await live(url)
  const commits = options.from === undefined ? nothing<T>() : ways.log(options.from)
  return { commits, from: options.from ?? position, ends: true, close: async () => void (await commits.return()) }
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

async function* nothing<T>(): AsyncGenerator<T, void, undefined> {}
