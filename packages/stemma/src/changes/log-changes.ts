import { StemmaError, showPosition, type Position } from '@stemma/base'
import type { DecodedEntry } from '@stemma/log'
import { betterSqlite3, nodeDisk, openLogStore, type LogStore } from '@stemma/storage'
import { decodeRun } from '../decode-run.ts'
import { loadRowFormat } from '../formats.ts'
import { checkHistory } from '../leader/check-history.ts'
import { readCurrentSchema, schemaAt } from '../questions/schema-at.ts'
import { readCommit, type ChangeCommit } from './change-commit.ts'
import { readFeedEntry, type FeedEntry } from './feed-entry.ts'
import { layoutsOf } from './find-layouts.ts'
import { KnownLayouts } from './known-layouts.ts'

const READ_BYTES = 1024 * 1024

/** What to read of a leader's log. */
export interface LogChangesOptions {
  /** The path of the database that was served. */
  readonly database: string
  /** Changes are given from behind this position. */
  readonly from: Position
  /** Undefined: all. */
  readonly tables?: readonly string[] | undefined
}

/**
 * The commits in the log of a database that nobody serves right now, from a position to the end.
 *
 * @throws StemmaError NO_LOG, NO_COMMON_FORMAT, POSITION_NOT_KEPT, POSITION_UNKNOWN, ROWS_UNKNOWN; of the log
 */
export async function* readLogChanges(options: LogChangesOptions): AsyncGenerator<ChangeCommit, void, undefined> {
  const { database, from, tables } = options
  const format = await loadRowFormat()
  const log = openLogStore({ database, driver: betterSqlite3, disk: nodeDisk, readOnly: true })
  try {
    checkPosition(log, format.name, from)
    const known = new KnownLayouts()
    const filter = { tables: tables === undefined ? undefined : new Set(tables) }
    for (const entry of entriesAfter(log, format.name, from.sequence)) {
      yield await readCommit(entry, {
        format,
        known,
        filter,
        findLayouts: async (request) =>
          layoutsOf(
            await schemaAt(request, {
              format,
              current: () => readCurrentSchema(database, betterSqlite3),
              entries: (after) => later(entriesAfter(log, format.name, after)),
            }),
          ),
      })
    }
  } finally {
    log.close()
  }
}

/**
 * The payloads in such a log, as they are.
 *
 * @throws StemmaError as `readLogChanges` does
 */
export async function* readLogPayloads(
  options: Omit<LogChangesOptions, 'tables'>,
  format: string,
): AsyncGenerator<FeedEntry, void, undefined> {
  const log = openLogStore({ database: options.database, driver: betterSqlite3, disk: nodeDisk, readOnly: true })
  try {
    checkPosition(log, format, options.from)
    for (const entry of entriesAfter(log, format, options.from.sequence)) yield await Promise.resolve(readFeedEntry(entry))
  } finally {
    log.close()
  }
}

function checkPosition(log: LogStore, name: string, from: Position): void {
  const place = log.readPlace()
  if (place === undefined || !log.size().formats.some(({ format }) => format === name))
    throw new StemmaError('NO_COMMON_FORMAT', `this database has no log of ${name}; serve it with --format wal,${name}`)
  const answer = checkHistory(log, { format: name, position: from, digest: undefined }, place)
  const at = showPosition(from)
  if (answer.kind === 'not-held') throw new StemmaError('POSITION_UNKNOWN', `${at} is not in this history`, { position: from })
  if (answer.kind === 'not-kept') {
    const { oldest } = answer
    const rest = oldest === undefined ? '' : `; the oldest position to go on from is ${showPosition(oldest)}`
    throw new StemmaError('POSITION_NOT_KEPT', `the log no longer has what follows ${at}${rest}`, { position: from, oldest })
  }
}

function* entriesAfter(log: LogStore, format: string, after: number): Generator<DecodedEntry, void, undefined> {
  for (let last = after; ;) {
    const read = log.read({ format, after: last, maxBytes: READ_BYTES })
    if (read.kind === 'end') return
    if (read.kind === 'gone') throw new StemmaError('POSITION_NOT_KEPT', `the log no longer has what follows commit ${last}`)
    yield* decodeRun(read.run.bytes)
    last = read.run.last
  }
}

async function* later<T>(items: Iterable<T>): AsyncGenerator<T, void, undefined> {
  yield* items
}
