import { dirname } from 'node:path'
import { StemmaError } from '@stemma/base'
import { FRAME_HEADER_SIZE, isPageSize } from '@stemma/sqlite-file'
import { openCheckpointThread } from '../checkpoint/checkpointer.ts'
import { nodeDisk, type Disk } from '../disk/disk.ts'
import { PageSums } from '../page-sums.ts'
import { RowTracker } from '../rows/row-tracker.ts'
import { StatementMatcher } from '../statements/statement-matcher.ts'
import { betterSqlite3 } from '../sqlite/better-sqlite3.ts'
import { isBusy } from '../sqlite/driver.ts'
import { Backlog } from './backlog.ts'
import { Capture } from './capture.ts'
import { CommitBuilder } from './commit-builder.ts'
import { FrameRing } from './frame-ring.ts'
import { openLiveFiles } from './live-files.ts'
import { LiveSource } from './live-source.ts'
import { PageReader, type LiveFiles } from './page-reader.ts'
import { Pins } from './pins.ts'
import type { Source, SourceOptions } from './source.ts'
import { WalIndexView } from './wal-index-view.ts'

/**
 * Opens a database in WAL mode to follow it, from where its log ends. Resolves when that place is found: the whole database may
 * have to be read for it, while writers go on.
 *
 * One process follows a database at a time; to see to it is for the caller (`lockDatabase`).
 *
 * @throws StemmaError DATABASE_BUSY when somebody locks readers out
 * @throws what the driver, the disk and the log throw
 */
export async function openSource(options: SourceOptions): Promise<Source> {
  const { disk = nodeDisk, driver = betterSqlite3, database, log } = options
  const undo: (() => unknown)[] = []
  try {
    const pins = new Pins(driver, database)
    undo.push(() => pins.close())
    await pinSoon(pins, database)
    const files = openLiveFiles(disk, database)
    undo.push(() => disk.close(files.wal))
    const index = new WalIndexView(disk, files.shm)
    const pageSize = pageSizeOf(disk, files, database)
    const ring = new FrameRing(pageSize, options.ringBytes ?? RING_BYTES)
    const bytesMax = options.backlogBytesMax ?? BACKLOG_BYTES_MAX
    const backlog = new Backlog({ disk, folder: dirname(database), pageSize, bytesMax })
    undo.push(() => backlog.clear())
    const reader = new PageReader(disk, files, { ring, backlog })
    const capture = new Capture({ disk, files, index, ring, reader, backlog })
    const place = log.readPlace()
    const sums = place === undefined ? new PageSums() : log.readSums()
    const { views = [], statements: told, commitBytesMax = COMMIT_BYTES_MAX } = options
    // Rows stand in for statements that can't be sent.
    const rows = views.includes('rows') || views.includes('statements') ? new RowTracker(driver) : undefined
    const statements = told !== undefined && views.includes('statements') ? new StatementMatcher(told) : undefined
    const builder = new CommitBuilder({ ring, reader, sums, rows, statements, commitBytesMax })
    undo.push(() => builder.close())
    const checkpointer = options.checkpointer ?? (await openCheckpointThread(driver, database))
    undo.push(() => checkpointer.close())
    const frameSize = FRAME_HEADER_SIZE + ring.pageSize
    const source = new LiveSource({
      options,
      disk,
      database,
      files,
      pins,
      index,
      ring,
      reader,
      backlog,
      capture,
      builder,
      sums,
      checkpointer,
      place,
      softFrames: Math.floor((options.softWalBytes ?? SOFT_WAL_BYTES) / frameSize),
      readAtOnceFrames: options.readAtOnceFrames ?? READ_AT_ONCE_FRAMES,
      hardFrames: Math.floor((options.hardWalBytes ?? HARD_WAL_BYTES) / frameSize),
    })
    await source.recover()
    builder.beginViews()
    return source
  } catch (error) {
    for (const each of undo.reverse()) {
      try {
        await each()
      } catch {
        // What failed first is what counts.
      }
    }
    throw error
  }
}

/** A reader is only locked out while a WAL is recovered or truncated: it passes. */
async function pinSoon(pins: Pins, database: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return pins.move(() => undefined)
    } catch (error) {
      if (!isBusy(error)) throw error
      if (attempt === BUSY_TRIES) throw new StemmaError('DATABASE_BUSY', `${database} is locked`, { database }, error)
    }
    await new Promise((resolve) => setTimeout(resolve, BUSY_DELAY))
  }
}

function pageSizeOf(disk: Disk, files: LiveFiles, database: string): number {
  const header = new Uint8Array(100)
  const view = new DataView(header.buffer)
  const size = disk.read(files.database, header, 0) === 100 ? view.getUint16(16) : 0
  const pageSize = size === 1 ? 65_536 : size
  if (isPageSize(pageSize)) return pageSize
  throw new StemmaError('NOT_A_DATABASE', `${database} does not begin as a SQLite database does`, { database })
}

const RING_BYTES = 16 * 1024 * 1024
const SOFT_WAL_BYTES = 16 * 1024 * 1024
const HARD_WAL_BYTES = 40 * 1024 * 1024
const BACKLOG_BYTES_MAX = 1024 * 1024 * 1024
/** They become commits within a few milliseconds. */
const READ_AT_ONCE_FRAMES = 256
const COMMIT_BYTES_MAX = 256 * 1024 * 1024
const BUSY_TRIES = 200
const BUSY_DELAY = 25
