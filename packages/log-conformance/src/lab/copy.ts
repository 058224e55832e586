import { AssertionError } from 'node:assert'
import type { CopyFormat, DecodedEntry, PageFormat, RowFormat, StatementFormat } from '@stemma/log'
import {
  betterSqlite3,
  nodeDisk,
  openLogicalReplica,
  openReplica,
  openSnapshot,
  type Replica,
  type SqliteDriver,
  type Staging,
} from '@stemma/storage'
import { readContent, showDifference, type Content } from './content.ts'
import type { Leader } from './leader.ts'

/** A real copy of a leader: what a follower holds. */
export class Copy {
  readonly replica: Replica
  readonly #driver: SqliteDriver

  private constructor(replica: Replica, driver: SqliteDriver) {
    this.replica = replica
    this.#driver = driver
  }

  /** Makes a copy of the leader as it stands now. */
  static async of(
    leader: Leader,
    options: { readonly database: string; readonly formats: readonly CopyFormat[]; readonly driver?: SqliteDriver | undefined },
  ): Promise<Copy> {
    const { driver = betterSqlite3 } = options
    const replica = await openReplicaOf(options.formats, { database: options.database, driver })
    const copy = new Copy(replica, driver)
    try {
      await copy.#takeSnapshot(leader, options.formats[0]!.name)
      return copy
    } catch (error) {
      await replica.close()
      throw error
    }
  }

  get sequence(): number {
    const { state } = this.replica
    return state.kind === 'ready' ? state.position.sequence : -1
  }

  apply(entries: readonly DecodedEntry[]): void {
    this.replica.apply(entries)
  }

  content(): Content {
    const connection = this.#driver.open(this.replica.database, { mustExist: true, readOnly: true })
    try {
      return readContent(connection)
    } finally {
      connection.close()
    }
  }

  /** @throws AssertionError when the copy is not what the leader is */
  mustEqual(leader: Content, when: string): void {
    const difference = showDifference(leader, this.content())
    if (difference !== undefined) throw new AssertionError({ message: `${when}: ${difference}` })
  }

  async close(): Promise<void> {
    await this.replica.close()
  }

  async #takeSnapshot(leader: Leader, format: string): Promise<void> {
    const { source, log } = leader
    const { place, sums } = source
    const snapshot = openSnapshot({
      place,
      sums,
      readPages: (first, count, into) => source.readPages(first, count, into),
      spillFolder: '.',
      disk: nodeDisk,
    })
    try {
      const staging = await this.replica.stage({ ...place, cluster: log.cluster, format })
      for (let first = 1; first <= place.pageCount; first += PAGES_AT_ONCE)
        sendPages(staging, snapshot, { first, count: Math.min(PAGES_AT_ONCE, place.pageCount - first + 1) })
      await staging.finish()
    } finally {
      snapshot.close()
    }
  }
}

function sendPages(
  staging: Staging,
  snapshot: ReturnType<typeof openSnapshot>,
  range: { readonly first: number; readonly count: number },
): void {
  staging.write({ ...range, ...snapshot.read(range) })
}

const PAGES_AT_ONCE = 64

function openReplicaOf(
  formats: readonly CopyFormat[],
  options: { readonly database: string; readonly driver: SqliteDriver },
): Promise<Replica> {
  const quick = { ...options, threads: false, check: 'digest' } as const
  if (formats[0]!.view === 'pages') return openReplica({ ...quick, formats: formats as PageFormat[] })
  return openLogicalReplica({ ...quick, formats: formats as (RowFormat | StatementFormat)[] })
}
