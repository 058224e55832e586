import type { Milliseconds } from '@stemma/base'
import { decodeEntry, encodeEntry, type Commit, type DecodedEntry } from '@stemma/log'
import { openCheckpointer } from '../../src/checkpoint/checkpointer.ts'
import { nodeDisk } from '../../src/disk/disk.ts'
import { openLogStore } from '../../src/log-store/open-log-store.ts'
import { openSource } from '../../src/source/open-source.ts'
import { betterSqlite3 } from '../../src/sqlite/better-sqlite3.ts'
import { type Still } from '../replica/test-leader.ts'
import { encodeRows, jsonRows } from './json-rows.ts'
import { startDatabase, stillOf, type RowLeaderOptions } from './row-leader.ts'

/** A database that SQLite writes and a source follows. */
export interface FollowedLeader {
  /** Runs SQL; gives what the source told of it. */
  run(sql: string): Promise<DecodedEntry[]>
  /** Nothing may have been written since the last `run`. */
  still(): Still
  close(): Promise<void>
}

export async function openFollowed(
  path: string,
  { first, ...options }: RowLeaderOptions & { readonly first: string | undefined },
): Promise<FollowedLeader> {
  const database = startDatabase(path, options)
  if (first !== undefined) database.exec(first)
  const log = openLogStore({ database: path, driver: betterSqlite3, disk: nodeDisk })
  let entries: DecodedEntry[] = []
  let failure: Error | undefined
  const source = await openSource({
    database: path,
    log,
    views: ['rows'],
    now: () => 0 as Milliseconds,
    checkpointer: openCheckpointer(betterSqlite3, path),
    onCommit: (commit) => entries.push(entryOf(commit)),
    onBatch: (batch) => log.write({ ...batch, runs: [] }),
    onEvent: (event) => {
      if (event.kind === 'failed' || event.kind === 'trouble')
        failure = new Error('the source has failed', { cause: event.error })
    },
  })
  source.start()
  await source.catchUp()
  entries = []
  return {
    async run(sql) {
      database.exec(sql)
      await source.catchUp()
      if (failure !== undefined) throw failure
      return entries.splice(0)
    },
    still: () => stillOf(database, source.place.position),
    async close() {
      await source.close()
      log.close()
      database.close()
    },
  }
}

function entryOf(commit: Commit): DecodedEntry {
  const { position, committedAt, recovered, digest, digestBefore } = commit
  const payload = encodeRows(commit.rows())
  const { name: format, version: formatVersion } = jsonRows
  return decodeEntry(
    encodeEntry({ position, committedAt, recovered, digest, digestBefore, barrier: false, format, formatVersion, payload }),
    0,
  )!
}
