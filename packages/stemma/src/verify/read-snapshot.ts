import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { StemmaError, type TextEncoding } from '@stemma/base'
import { decodeDatabaseHeader, readPayload, readSchema, walkTree, type Pages, type SchemaRow } from '@stemma/sqlite-file'
import { nodeDisk, openSnapshot, type Place, type Source } from '@stemma/storage'
import { Slices } from './slices.ts'

/** As long as a slice of work lasts, the leader's thread is then left to its other work, in milliseconds. */
const REST_MS = 2

/** While a source does not know all, it is asked again after so long, in milliseconds. */
const UNSETTLED_MS = 2

/** A leader's database at one position, as pages that are read while its writers go on. */
export interface SnapshotReader {
  readonly place: Place
  readonly textEncoding: TextEncoding
  readonly schema: readonly SchemaRow[]
  /** Walks the records of a tree, a slice of time at a time. A record is borrowed until the next one. */
  walk(tree: SchemaRow, take: (rowid: bigint, record: Uint8Array) => void): Promise<void>
  /** Walks other things in the same slices of time. */
  each<T>(items: Iterable<T>, take: (item: T) => void): Promise<void>
}

/**
 * Opens a snapshot of a source where it stands, for as long as `work` takes. It holds neither a lock nor a read transaction.
 *
 * @throws StemmaError SNAPSHOT_EXPIRED when more pages change meanwhile than there is room for; DAMAGED_FILE
 */
export async function withSnapshot<T>(
  { source, database, signal }: { readonly source: Source; readonly database: string; readonly signal: AbortSignal },
  work: (reader: SnapshotReader) => Promise<T>,
): Promise<T> {
  const { place, sums } = source
  let expired: StemmaError | undefined
  const snapshot = openSnapshot({
    place,
    sums,
    readPages: (first, count, into) => source.readPages(first, count, into),
    spillFolder: dirname(database),
    disk: nodeDisk,
    // Trees are walked in the order of their keys: any page may be asked for at any time.
    keptBehind: place.pageSize * place.pageCount,
    onExpired: (error) => (expired = error),
  })
  const stop = source.beforeChange(snapshot.beforeChange)
  /** Between slices: then others have their turn, and a source that is in a window comes out of it. */
  const rest = async (): Promise<void> => {
    await pause(REST_MS)
    while (source.isUnsettled && !signal.aborted) await pause(UNSETTLED_MS)
    signal.throwIfAborted()
    if (expired !== undefined) throw expired
  }
  try {
    await rest()
    const { pageSize, pageCount } = snapshot.place
    const read = (pageNumber: number): Uint8Array =>
      snapshot.read({ first: pageNumber, count: 1, into: new Uint8Array(pageSize) }).bytes
    const start = decodeDatabaseHeader(read(1))
    if (start.kind === 'empty') throw new StemmaError('CANNOT_COMPARE', 'the database is empty')
    const { textEncoding, reservedBytes } = start.header
    const pages: Pages = { pageSize, pageCount, usableSize: pageSize - reservedBytes, read }
    const slices = new Slices(rest)
    return await work({
      place: snapshot.place,
      textEncoding,
      schema: readSchema(pages, textEncoding),
      each: (items, take) => slices.walk(items, take),
      walk: ({ rootPage }, take) =>
        slices.walk(walkTree(pages, rootPage), ({ page, cell }) => take(cell.rowid ?? 0n, readPayload(pages, page, cell))),
    })
  } finally {
    stop()
    snapshot.close()
  }
}
