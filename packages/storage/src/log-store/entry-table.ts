import { StemmaError, assert } from '@stemma/base'
import { decodeEntry, type DecodedEntry } from '@stemma/log'
import type { SqliteConnection, SqliteStatement } from '../sqlite/driver.ts'
import type { EntryRun, LogRead } from './log-store.ts'
import { RecentRuns } from './recent-runs.ts'
import { entryHead, gather, offsetOf, splitRun, type Run } from './run-cutter.ts'

/** A run larger than this is stored in several rows, cut between entries. */
export const ROW_BYTES_MAX: number = 1024 * 1024

const RECENT_BYTES_MAX = 4 * 1024 * 1024
const ROWS_AT_ONCE_MAX = 256
const FORMATS_MAX = 31
/** A row's key is its format's number times this, plus the sequence of its last entry: below 2^53 for 31 formats. */
const KEYS_PER_FORMAT = 2 ** 48

/** What is known of one format's log without looking into it. */
export interface FormatLog {
  readonly name: string
  readonly base: number
  /** The sequence before the oldest entry that is kept. */
  oldest: number
  /** The sequence of the newest entry; `oldest` when there is none. */
  newest: number
  /** Bytes that were ever written up to the oldest entry kept, and up to the newest. */
  bytesBefore: number
  bytesUpTo: number
  readonly recent: RecentRuns
}

/**
 * The entries of all formats, in rows of whole entries.
 *
 *     format(id, name, oldest)
 *     run(key, first, at, upto, bytes)    key = id * 2^48 + sequence of the last entry
 *                                         first = sequence of the first, at = its commit time
 *                                         upto = bytes of this format's log up to here, ever
 *     maker(format, sqlite)               by which SQLite the entries were made; made when it is first asked for
 *
 * What is in memory mirrors the tables: after a transaction that failed, `load` it again.
 */
export class EntryTable {
  readonly #connection: SqliteConnection
  readonly #statements = new Map<string, SqliteStatement>()
  #formats = new Map<string, FormatLog>()

  static create(connection: SqliteConnection): void {
    connection.exec(
      `CREATE TABLE format(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, oldest INTEGER NOT NULL);
       CREATE TABLE run(key INTEGER PRIMARY KEY, first INTEGER NOT NULL, at INTEGER NOT NULL, upto INTEGER NOT NULL, bytes BLOB NOT NULL)`,
    )
  }

  constructor(connection: SqliteConnection) {
    this.#connection = connection
  }

  get formats(): Iterable<FormatLog> {
    return this.#formats.values()
  }

  /** Bytes of the entries of all formats. */
  get bytes(): number {
    let bytes = 0
    for (const log of this.#formats.values()) bytes += log.bytesUpTo - log.bytesBefore
    return bytes
  }

  load(): void {
    this.#formats = new Map()
    for (const row of this.#sql('SELECT id, name, oldest FROM format ORDER BY id').all()) {
      const name = String(row['name'])
      const log = newFormatLog({ id: Number(row['id']), name, oldest: Number(row['oldest']) })
      this.#formats.set(name, log)
      this.#measure(log)
    }
  }

  /** Adds a run. One that doesn't follow on from the newest entry makes the older ones useless: they go. */
  append(run: EntryRun): void {
    const log = this.#formats.get(run.format) ?? this.#addFormat(run.format, run.first - 1)
    assert(
      run.first > log.newest && run.last >= run.first,
      `a run after ${log.newest} of ${run.format}, not ${run.first} to ${run.last}`,
    )
    if (run.first !== log.newest + 1) this.#beginAt(log, run.first - 1)
    const insert = this.#sql('INSERT INTO run(key, first, at, upto, bytes) VALUES (?, ?, ?, ?, ?)')
    // The caller may use its buffer again; what we keep is our own.
    const own: Run = { first: run.first, last: run.last, bytes: run.bytes.slice() }
    for (const part of splitRun(own, ROW_BYTES_MAX)) {
      log.bytesUpTo += part.bytes.byteLength
      const { committedAt } = entryHead(part.bytes, 0)
      insert.run(log.base + part.last, part.first, committedAt, log.bytesUpTo, part.bytes)
      log.recent.push(part)
    }
    log.newest = run.last
  }

  /** Notes by which version of SQLite a format's entries are made from now on; those of another one go. */
  makeBy(format: string, sqlite: string): void {
    this.#connection.exec('CREATE TABLE IF NOT EXISTS maker(format TEXT PRIMARY KEY, sqlite TEXT NOT NULL) WITHOUT ROWID')
    const before = this.#sql('SELECT sqlite FROM maker WHERE format = ?').get(format)?.['sqlite']
    if (before === sqlite) return
    const log = this.#formats.get(format)
    if (log !== undefined) this.#beginAt(log, log.newest)
    this.#sql('INSERT OR REPLACE INTO maker(format, sqlite) VALUES (?, ?)').run(format, sqlite)
  }

  read(request: { readonly format: string; readonly after: number; readonly maxBytes: number }, newestPlace: number): LogRead {
    const { format, after, maxBytes } = request
    const log = this.#formats.get(format)
    const oldest = log?.oldest ?? newestPlace
    if (after < oldest) return { kind: 'gone', oldest }
    if (log === undefined || after >= log.newest) return { kind: 'end' }
    const run = gather(log.recent.after(after) ?? this.#rowsAfter(log, after, maxBytes), after, maxBytes)
    if (run === undefined) throw new StemmaError('DAMAGED_LOG', `entry ${after + 1} of ${format} is missing`, { format, after })
    return { kind: 'run', run: { format, first: run.first, last: run.last, bytes: run.bytes } }
  }

  entryAt(format: string, sequence: number): DecodedEntry | undefined {
    const log = this.#formats.get(format)
    if (log === undefined || sequence <= log.oldest || sequence > log.newest) return undefined
    for (const run of log.recent.after(sequence - 1) ?? this.#rowsAfter(log, sequence - 1, 1)) {
      return decodeEntry(run.bytes, offsetOf(run, sequence))
    }
    return undefined
  }

  /** Takes back the entries after a sequence. */
  cutAfter(sequence: number): void {
    for (const log of this.#formats.values()) {
      if (log.newest <= sequence) continue
      if (sequence < log.oldest) {
        this.#beginAt(log, sequence)
        continue
      }
      const row = this.#sql('SELECT key, first, at, upto, bytes FROM run WHERE key > ? AND key <= ? ORDER BY key LIMIT 1').get(
        log.base + sequence,
        lastKey(log),
      )
      this.#sql('DELETE FROM run WHERE key > ? AND key <= ?').run(log.base + sequence, lastKey(log))
      if (row !== undefined && Number(row['first']) <= sequence) {
        const run = asRun(log, row)
        const kept = run.bytes.subarray(0, offsetOf(run, sequence + 1))
        const upTo = Number(row['upto']) - run.bytes.byteLength + kept.byteLength
        this.#sql('INSERT INTO run(key, first, at, upto, bytes) VALUES (?, ?, ?, ?, ?)').run(
          log.base + sequence,
          run.first,
          row['at']!,
          upTo,
          kept,
        )
      }
      log.recent.clear()
      this.#measure(log)
    }
  }

  /** Drops the oldest row of a format that has any. */
  dropOldestOf(log: FormatLog): void {
    const row = this.#sql('SELECT key, upto FROM run WHERE key > ? AND key <= ? ORDER BY key LIMIT 1').get(log.base, lastKey(log))
    assert(row !== undefined, 'a row for every entry that is kept')
    this.#sql('DELETE FROM run WHERE key = ?').run(row['key']!)
    log.oldest = Number(row['key']) - log.base
    log.bytesBefore = Number(row['upto'])
    this.#saveOldest(log)
  }

  /** Commit time of the oldest entry of a format; undefined when it has none. */
  oldestTime(log: FormatLog): number | undefined {
    const row = this.#sql('SELECT at FROM run WHERE key > ? AND key <= ? ORDER BY key LIMIT 1').get(log.base, lastKey(log))
    return row && Number(row['at'])
  }

  /** Bytes of a format's entries up to a sequence, to the row. */
  bytesUpTo(log: FormatLog, sequence: number): number {
    if (sequence >= log.newest) return log.bytesUpTo - log.bytesBefore
    const row = this.#sql('SELECT upto FROM run WHERE key > ? AND key <= ? ORDER BY key DESC LIMIT 1').get(
      log.base,
      log.base + sequence,
    )
    return row === undefined ? 0 : Math.max(0, Number(row['upto']) - log.bytesBefore)
  }

  #addFormat(name: string, oldest: number): FormatLog {
    if (this.#formats.size >= FORMATS_MAX)
      throw new StemmaError('BAD_ARGUMENT', `a log keeps at most ${FORMATS_MAX} formats`, { name })
    const id = this.#formats.size
    this.#sql('INSERT INTO format(id, name, oldest) VALUES (?, ?, ?)').run(id, name, oldest)
    const log = newFormatLog({ id, name, oldest })
    this.#formats.set(name, log)
    return log
  }

  #beginAt(log: FormatLog, oldest: number): void {
    this.#sql('DELETE FROM run WHERE key > ? AND key <= ?').run(log.base, lastKey(log))
    log.oldest = oldest
    log.newest = oldest
    log.bytesBefore = log.bytesUpTo
    log.recent.clear()
    this.#saveOldest(log)
  }

  #saveOldest(log: FormatLog): void {
    this.#sql('UPDATE format SET oldest = ? WHERE id = ?').run(log.oldest, log.base / KEYS_PER_FORMAT)
  }

  #measure(log: FormatLog): void {
    const range = [log.base, lastKey(log)] as const
    const first = this.#sql(
      'SELECT first, upto, length(bytes) AS size FROM run WHERE key > ? AND key <= ? ORDER BY key LIMIT 1',
    ).get(...range)
    const last = this.#sql('SELECT key, upto FROM run WHERE key > ? AND key <= ? ORDER BY key DESC LIMIT 1').get(...range)
    log.newest = last === undefined ? log.oldest : Number(last['key']) - log.base
    log.bytesBefore = first === undefined ? 0 : Number(first['upto']) - Number(first['size'])
    log.bytesUpTo = last === undefined ? 0 : Number(last['upto'])
  }

  *#rowsAfter(log: FormatLog, after: number, bytesMax: number): Generator<Run> {
    const next = this.#sql('SELECT key, first, bytes FROM run WHERE key > ? AND key <= ? ORDER BY key LIMIT ?')
    let sequence = after
    let count = 1
    let bytes = 0
    for (let rows = 0; ;) {
      const found = next.all(log.base + sequence, lastKey(log), count)
      for (const row of found) {
        const run = asRun(log, row)
        sequence = run.last
        bytes += run.bytes.byteLength
        yield run
      }
      if (found.length < count) return
      rows += count
      // As many rows as are likely to fit, going by those seen.
      count = Math.max(1, Math.min(ROWS_AT_ONCE_MAX, rows * 4, Math.ceil(((bytesMax - bytes) * rows) / bytes)))
    }
  }

  #sql(sql: string): SqliteStatement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#connection.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

function newFormatLog({ id, name, oldest }: { readonly id: number; readonly name: string; readonly oldest: number }): FormatLog {
  return {
    name,
    base: id * KEYS_PER_FORMAT,
    oldest,
    newest: oldest,
    bytesBefore: 0,
    bytesUpTo: 0,
    recent: new RecentRuns(RECENT_BYTES_MAX),
  }
}

function lastKey(log: FormatLog): number {
  return log.base + KEYS_PER_FORMAT - 1
}

function asRun(log: FormatLog, row: Readonly<Record<string, unknown>>): Run {
  return { first: Number(row['first']), last: Number(row['key']) - log.base, bytes: row['bytes'] as Uint8Array }
}
