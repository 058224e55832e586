import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Milliseconds } from '@stemma/base'
import { changesetFormat } from '@stemma/format-changeset'
import { newRowFormat, rowFormat } from '@stemma/format-row'
import { decodeEntry, encodeEntry, type Commit, type DecodedEntry, type RowFormat } from '@stemma/log'
import {
  betterSqlite3,
  nodeDisk,
  openCheckpointer,
  openLogStore,
  openLogicalReplica,
  openSource,
  type Replica,
  type Source,
} from '@stemma/storage'
import { compareContents } from './content.ts'
import { pragmasOf } from './generate/layout.ts'
import { runStep, type Script } from './generate/script.ts'
import { failureOf, type Failure } from './judge.ts'

/** In turns: a follower that reads them takes any after any. */
const FORMATS: readonly RowFormat[] = [rowFormat, newRowFormat({ image: 'changed' }), changesetFormat]

/** Entries of so many steps are applied together, and then everything is compared. */
const STEPS_TOGETHER = 3

/**
 * Runs a script on a database that a source follows, applies what comes of it to a logical copy, and compares the two by SQL: rowids, types,
 * bytes, schema.
 */
export async function judgeReplica(script: Script): Promise<Failure | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-fuzz-'))
  const undo: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
  let step = 0
  try {
    const pair = await openPair(folder, script, undo)
    for (; step < script.statements.length; step++) {
      runStep(pair.leader, script.statements[step]!)
      const isLast = step === script.statements.length - 1
      if (isLast && pair.leader.inTransaction) runStep(pair.leader, 'ROLLBACK')
      if (pair.leader.inTransaction || (step % STEPS_TOGETHER !== 0 && !isLast)) continue
      await pair.catchUp()
      pair.compare()
    }
    return undefined
  } catch (error) {
    return failureOf(error, step)
  } finally {
    for (const each of undo.toReversed()) await each()
  }
}

interface Pair {
  readonly leader: Database.Database
  catchUp(): Promise<void>
  compare(): void
}

async function openPair(folder: string, { layout }: Script, undo: (() => unknown)[]): Promise<Pair> {
  const path = join(folder, 'leader.db')
  const leader = new Database(path)
  undo.push(() => leader.close())
  leader.exec(`${pragmasOf(layout)}; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA user_version = 0`)
  leader.exec('CREATE TABLE first (x); DROP TABLE first')
  const log = openLogStore({ database: path, driver: betterSqlite3, disk: nodeDisk })
  undo.push(() => log.close())
  const entries: DecodedEntry[] = []
  let failed: Error | undefined
  const source = await openSource({
    database: path,
    log,
    views: ['rows'],
    now: () => 0 as Milliseconds,
    checkpointer: openCheckpointer(betterSqlite3, path),
    onCommit: (commit) => entries.push(entryOf(commit)),
    onBatch: (batch) => log.write({ ...batch, runs: [] }),
    onEvent: (event) => {
      if (event.kind === 'failed' || event.kind === 'trouble') failed = asError(event.error)
    },
  })
  undo.push(() => source.close())
  source.start()
  await source.catchUp()
  const replica = await openLogicalReplica({ database: join(folder, 'copy.db'), formats: FORMATS, threads: false })
  undo.push(() => replica.close())
  await bootstrap(source, replica)
  entries.length = 0
  return {
    leader,
    async catchUp() {
      await source.catchUp()
      if (failed !== undefined) throw failed
      replica.apply(entries.splice(0))
    },
    compare() {
      // A new connection each time: FTS5's integrity check may find fault with what another one wrote since it last looked.
      const copy = new Database(join(folder, 'copy.db'), { readonly: true })
      try {
        compareContents(leader, copy)
      } finally {
        copy.close()
      }
    },
  }
}

function entryOf(commit: Commit): DecodedEntry {
  const format = FORMATS[commit.position.sequence % FORMATS.length]!
  const { position, committedAt, recovered, digest, digestBefore } = commit
  const envelope = { position, committedAt, recovered, digest, digestBefore, barrier: false }
  return decodeEntry(
    encodeEntry({ ...envelope, format: format.name, formatVersion: format.version, payload: format.encode(commit) }),
    0,
  )!
}

async function bootstrap(source: Source, replica: Replica): Promise<void> {
  const { position, digest, pageSize, pageCount } = source.place
  const bytes = new Uint8Array(pageCount * pageSize)
  source.readPages(1, pageCount, bytes)
  const staging = await replica.stage({ cluster: '0'.repeat(32), position, digest, format: 'row', pageSize, pageCount })
  staging.write({ first: 1, count: pageCount, leftOut: new Uint8Array(0), bytes })
  await staging.finish()
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
