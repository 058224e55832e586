import { setTimeout as pause } from 'node:timers/promises'
import { StemmaError } from '@stemma/base'
import { betterSqlite3, nodeDisk, openLogStore, readKeptPlaces, sidecarPath } from '@stemma/storage'
import { isLinkUrl, type ConnectTls, type Token } from '@stemma/transport'
import { digestOf } from '../database-facts.ts'
import { openAsker, type Asker } from '../questions/ask-leader.ts'
import { showDigest } from '../status.ts'
import { compareTables } from './compare-tables.ts'
import { CopyTables } from './copy-tables.ts'
import type { VerifyResult } from './verify-result.ts'

/** Which copy is compared with which leader. */
export interface VerifyOptions {
  /** The leader's URL, or the path of its database on this machine. */
  readonly leader: string
  /** The path of the copy. Somebody may follow it meanwhile, or nobody. */
  readonly database: string
  /** Only these tables, of a copy by rows; all by default. */
  readonly tables?: readonly string[] | undefined
  /** The leader's secret. */
  readonly token?: Token | undefined
  readonly tls?: ConnectTls | undefined
  readonly signal?: AbortSignal | undefined
}

/** Commits go on on both ends; where that gets in the way, it is tried so often, with longer and longer waits. */
const ATTEMPTS = 8
const WAIT_MS = 100

/**
 * Compares a copy with its leader at the same position, while both run: a digest of each table, and where those differ, the rows.
 *
 * A copy by pages is proved by the digest of its pages.
 *
 * @throws StemmaError CANNOT_COMPARE when the two could not be seen at the same position; CLUSTER_MISMATCH, HISTORY_DIVERGED, NOT_A_REPLICA; of the
 *   link
 */
export async function verifyCopy(options: VerifyOptions): Promise<VerifyResult> {
  const { token, tls, signal } = options
  const asker = await openAsker({ url: urlOf(options.leader), token, tls, signal })
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await compare(options, asker)
      } catch (error) {
        if (!StemmaError.is(error, 'CANNOT_COMPARE') || attempt === ATTEMPTS) throw error
        await pause(WAIT_MS * 2 ** (attempt - 1), undefined, signal === undefined ? {} : { signal })
      }
    }
  } finally {
    asker.close()
  }
}

async function compare(options: VerifyOptions, asker: Asker): Promise<VerifyResult> {
  const { database, tables } = options
  if (nodeDisk.stat(sidecarPath(database)) !== undefined) return await comparePages(database, asker)
  const copy = new CopyTables(database)
  try {
    return await compareTables(copy, asker, tables === undefined ? undefined : new Set(tables))
  } finally {
    copy.close()
  }
}

/** A copy by pages is what one of its places says, by the digest of all of its pages, and the leader was that there. */
async function comparePages(database: string, asker: Asker): Promise<VerifyResult> {
  const [newest] = readKeptPlaces({ database, driver: betterSqlite3, disk: nodeDisk }).places
  if (newest === undefined) throw new StemmaError('NOT_A_REPLICA', `${database} is no copy yet`, { database })
  const { cluster } = newest
  const { digest, position } = await digestOf(database)
  if (position === undefined) {
    const what = `its pages have digest ${showDigest(digest)}, which they should have at none of its places`
    return { kind: 'differs', position: newest.position, name: undefined, what }
  }
  await asker.ask({ ask: 'held', cluster, position, digest: showDigest(digest) })
  return { kind: 'same', position, tables: 0, rows: 0 }
}

function urlOf(leader: string): string {
  if (isLinkUrl(leader)) return leader
  const log = openLogStore({ database: leader, driver: betterSqlite3, disk: nodeDisk, readOnly: true })
  const { url } = log
  log.close()
  if (url === '') throw new StemmaError('CONNECT_FAILED', `nobody serves ${leader} now`, { leader })
  return url
}
