import { readFileSync } from 'node:fs'
import { pageSum, type Milliseconds } from '@stemma/base'
import type { Commit } from '@stemma/log'
import { openCheckpointer } from '../../checkpoint/checkpointer.ts'
import { betterSqlite3 } from '../../sqlite/better-sqlite3.ts'
import { openSource } from '../open-source.ts'
import type { Source, SourceEvent, SourceOptions } from '../source.ts'
import { MemoryLog } from './memory-log.ts'

/** A copy of a database, kept by replaying commits onto the bytes that it began with. */
export class ReplayedCopy {
  pages: Uint8Array[]
  readonly commits: { sequence: number; pageCount: number; recovered: boolean }[] = []

  constructor(bytes: Uint8Array, pageSize: number) {
    this.pages = []
    for (let at = 0; at < bytes.byteLength; at += pageSize) this.pages.push(bytes.slice(at, at + pageSize))
  }

  /** Applies a commit. Says what is wrong with it, if anything is. */
  apply(commit: Commit): void {
    const { position, pageCount } = commit
    const previous = this.commits.at(-1)?.sequence
    if (previous !== undefined && position.sequence !== previous + 1)
      throw new Error(`commit ${position.sequence} after ${previous}`)
    if (commit.pageCountBefore !== this.pages.length)
      throw new Error(`${commit.pageCountBefore} pages before, the copy has ${this.pages.length}`)
    if (commit.digestBefore !== this.digest()) throw new Error(`commit ${position.sequence} begins with another digest`)
    let pageNumberBefore = 0
    for (const { pageNumber, before, after, sum } of commit.pages()) {
      if (pageNumber <= pageNumberBefore || pageNumber > pageCount) throw new Error(`page ${pageNumber} is out of order`)
      pageNumberBefore = pageNumber
      const old = this.pages[pageNumber - 1]
      if (before !== undefined && (old === undefined || Buffer.compare(before, old) !== 0))
        throw new Error(`page ${pageNumber} was another`)
      if (pageSum(pageNumber, after) !== sum) throw new Error(`page ${pageNumber} has another sum`)
      this.pages[pageNumber - 1] = after.slice()
    }
    this.pages.length = pageCount
    for (let i = 0; i < pageCount; i++) if (this.pages[i] === undefined) throw new Error(`page ${i + 1} was not given`)
    if (commit.digest !== this.digest()) throw new Error(`commit ${position.sequence} ends with another digest`)
    this.commits.push({ sequence: position.sequence, pageCount, recovered: commit.recovered })
  }

  digest(): bigint {
    let digest = 0n
    this.pages.forEach((page, i) => (digest ^= pageSum(i + 1, page)))
    return digest
  }

  bytes(): Buffer {
    return Buffer.concat(this.pages)
  }
}

export interface Followed {
  readonly source: Source
  readonly log: MemoryLog
  readonly copy: ReplayedCopy
  readonly events: SourceEvent[]
  /** Waits until the source has come as far as the database; not for ever, if something keeps it from it. */
  caughtUp(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Follows a database with a log in memory, and replays what it hears. */
export async function follow(
  database: string,
  options: Partial<SourceOptions> & { log?: MemoryLog; copy?: ReplayedCopy; startLater?: boolean } = {},
): Promise<Followed> {
  const log = options.log ?? new MemoryLog()
  const events: SourceEvent[] = []
  let copy = options.copy
  const source = await openSource({
    now: () => 0 as Milliseconds,
    checkpointer: openCheckpointer(betterSqlite3, database),
    onCommit(commit) {
      if (copy === undefined) throw new Error('a commit before the first start')
      copy.apply(commit)
      log.keep(commit)
    },
    onBatch: (batch) => log.write({ ...batch, runs: [] }),
    onEvent: (event) => events.push(event),
    ...options,
    database,
    log,
  })
  copy ??= copyOf(source)
  if (options.startLater !== true) source.start()
  return {
    source,
    log,
    copy,
    events,
    async caughtUp() {
      for (let i = 0; i < 5 || (source.isUnsettled && i < 200); i++) {
        source.wake()
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
    async [Symbol.asyncDispose]() {
      await source.close()
    },
  }
}

/** The database as the source reads it, page by page. */
export function copyOf(source: Source): ReplayedCopy {
  const { pageCount, pageSize } = source.place
  const bytes = new Uint8Array(pageCount * pageSize)
  source.readPages(1, pageCount, bytes)
  return new ReplayedCopy(bytes, pageSize)
}

/** The bytes of a database that nobody has open. */
export function fileBytes(path: string): Buffer {
  return readFileSync(path)
}
