import { type ErrorCode, StemmaError, showPosition } from '@stemma/base'
import type { DecodedEntry, LogFormat } from '@stemma/log'
import { KnownLayouts } from '../changes/known-layouts.ts'
import { loadIfKnown } from '../formats.ts'
import { LAYOUTS_WITHIN, describeEntry, entriesOf } from '../log/log-entries.ts'
import type { LogReader } from '../log/log-file.ts'
import { showDigest } from '../status.ts'
import type { Context } from './context.ts'
import { messageOf } from './event-text.ts'
import { EXIT, type ExitCode } from './exit-code.ts'
import { showBytes, showCount } from './quantity.ts'
import { type Screen, openScreen } from './screen.ts'

/** The options of `stemma log show`, as they were typed. */
export interface LogShowFlags {
  /** Undefined: all that there are. */
  readonly format?: string
  readonly after: string
  readonly limit: string
  readonly details?: boolean
  readonly json?: boolean
}

/** Prints entries for people: one line each, and what they change when details are asked for. Of several logs, one after another. */
export async function showLog(database: string, flags: LogShowFlags, context: Context): Promise<ExitCode> {
  const screen = openScreen(context.output, flags.json === true)
  const log = context.engine.readLog(database)
  try {
    const names = flags.format === undefined ? log.formats.map(({ format }) => format) : [flags.format]
    for (const asked of names) {
      const format = await loadIfKnown(asked)
      const name = format?.name ?? asked
      if (names.length > 1) screen.line(`${name}:`)
      showFormat(log, { format, name }, flags, screen)
    }
  } finally {
    log.close()
  }
  return EXIT.fine
}

function showFormat(
  log: LogReader,
  { format, name }: { readonly format: LogFormat | undefined; readonly name: string },
  flags: LogShowFlags,
  screen: Screen,
): void {
  let left = parseCount(flags.limit, '--limit')
  const after = parseCount(flags.after, '--after')
  // A row's entry tells its table's columns now and then: what the entries before have told is of use.
  const layouts = new KnownLayouts()
  for (const entry of entriesOf(log, name, Math.max(0, after - LAYOUTS_WITHIN))) {
    if (entry.position.sequence > after && left-- <= 0) break
    const { summary, details } = describeEntry(entry, format, layouts)
    if (entry.position.sequence <= after) continue
    const at = new Date(entry.committedAt).toISOString()
    const { position, recovered, barrier, byteLength } = entry
    const digest = showDigest(entry.digest)
    screen.record({ format: name, position, at, digest, bytes: byteLength, recovered, barrier, summary, details })
    const marks = `${recovered ? '  recovered' : ''}${barrier ? '  barrier' : ''}`
    screen.line(`${showPosition(position)}  ${at}  ${showBytes(byteLength)}  ${summary}${marks}`)
    if (flags.details === true) for (const detail of details) screen.line(`    ${detail}`)
  }
}

/** The options of `stemma log verify`, as they were typed. */
export interface LogVerifyFlags {
  readonly json?: boolean
}

/** Something that is wrong with a log. */
export interface Fault {
  /** The last sequence before it. */
  readonly after: number
  readonly code: ErrorCode | 'GAP' | 'CHAIN'
  readonly message: string
}

/** Reads every entry: its checksum, that it follows on from the one before, and that none is missing. */
export async function verifyLog(database: string, flags: LogVerifyFlags, context: Context): Promise<ExitCode> {
  const screen = openScreen(context.output, flags.json === true)
  const log = context.engine.readLog(database)
  let sound = true
  try {
    for (const { format, oldest, newest } of log.formats) {
      const { entries, bytes, fault } = verifyFormat(log, format, oldest, newest)
      screen.record({ format, oldest, newest, entries, bytes, ok: fault === undefined, fault: fault ?? null })
      if (fault === undefined) {
        screen.line(
          `${format}: ${entries === 1 ? '1 entry' : `${showCount(entries)} entries`}, ${showBytes(bytes)}, from ${oldest} to ${newest}: sound`,
        )
      } else {
        sound = false
        screen.line(`${format}: after ${fault.after}: ${fault.message} [${fault.code}]`)
        screen.line('  followers that still need these entries take a snapshot instead; the database itself is not affected')
      }
    }
    if (log.formats.length === 0) screen.line('the log is empty')
  } finally {
    log.close()
  }
  return sound ? EXIT.fine : EXIT.differs
}

interface Verified {
  readonly entries: number
  readonly bytes: number
  readonly fault: Fault | undefined
}

function verifyFormat(log: LogReader, format: string, oldest: number, newest: number): Verified {
  let entries = 0
  let bytes = 0
  let before: DecodedEntry | undefined
  const fault = (code: Fault['code'], message: string): Verified => {
    return { entries, bytes, fault: { after: before?.position.sequence ?? oldest - 1, code, message } }
  }
  try {
    for (const entry of entriesOf(log, format, oldest - 1)) {
      const { sequence } = entry.position
      const expected = before === undefined ? oldest : before.position.sequence + 1
      if (sequence !== expected) return fault('GAP', `entry ${expected} is missing; the next one is ${sequence}`)
      if (before !== undefined && entry.digestBefore !== before.digest) {
        return fault('CHAIN', `entry ${sequence} does not follow on from the one before it`)
      }
      before = { ...entry, payload: EMPTY }
      entries++
      bytes += entry.byteLength
    }
  } catch (error) {
    if (!StemmaError.is(error)) throw error
    return fault(error.code, messageOf(error))
  }
  const last = before?.position.sequence ?? oldest - 1
  return last < newest ? fault('GAP', `entries from ${last + 1} to ${newest} are missing`) : { entries, bytes, fault: undefined }
}

const EMPTY = new Uint8Array(0)

/** @throws StemmaError BAD_ARGUMENT */
export function parseCount(text: string, option: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new StemmaError('BAD_ARGUMENT', `${option} takes a whole number, not ${JSON.stringify(text)}`, { option, text })
  }
  return count
}
