import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Position, StemmaError, parsePosition, showPosition } from '@stemma/base'
import type { ChangeCommit } from '../changes/change-commit.ts'
import { showCommit } from '../changes/change-lines.ts'
import type { FeedEntry } from '../changes/feed-entry.ts'
import type { TargetFeed, TargetOptions } from '../changes/open-target.ts'
import type { Context } from './context.ts'
import { messageOf } from './event-text.ts'
import { EXIT, type ExitCode } from './exit-code.ts'
import { aborted, listenForStop } from './stop.ts'
import { readTextFile, readToken } from './token.ts'

/** The options of `stemma changes`, as they were typed. */
export interface ChangesFlags {
  readonly from?: string
  /** Undefined, and `row`: lines of our own. Others: the payloads of that log as they are. */
  readonly format?: string
  readonly table?: readonly string[]
  readonly tokenFile?: string
  readonly tlsCa?: string
  readonly name?: string
}

/** What is printed is gathered to about this many bytes before it is written. */
const WRITE_BYTES = 64 * 1024

/** One commit as it is printed. */
interface Printed {
  readonly position: Position
  readonly parts: Iterable<string | Uint8Array>
  /** Why it can't be printed. */
  readonly failure?: StemmaError
}

/**
 * Prints a database's changes as lines of JSON, until it is told to stop or its reader goes away; of a database that nobody serves, to the end of
 * its log. What people may want to know goes to the other output.
 *
 * No commit is asked for while what was gathered waits to be written: a slow reader holds up this command, and fills no memory.
 */
export async function printChanges(target: string, flags: ChangesFlags, context: Context): Promise<ExitCode> {
  const from = flags.from === undefined ? undefined : parsePosition(flags.from)
  const token = readToken(flags.tokenFile, context.env)
  using stop = listenForStop(context.signals)
  const tell = (text: string): void => void context.errors.write(`stemma: ${text}\n`)
  const stopped = aborted(stop.signal)
  const options: Omit<TargetOptions, 'tables'> = {
    target,
    from,
    token,
    tls: flags.tlsCa === undefined ? undefined : { ca: readTextFile(flags.tlsCa, '--tls-ca') },
    ...(flags.name === undefined ? {} : { name: flags.name }),
    signal: stop.signal,
    onEvent(event) {
      if (event.kind === 'connected') tell(`connected to ${event.url}, which is at ${showPosition(event.tip)}`)
      else if (!stop.signal.aborted)
        tell(`disconnected${event.error === undefined ? '' : `: ${messageOf(event.error)}`}; trying again`)
    },
  }
  const changes = await openPrinted(options, flags, context).catch((error: unknown) => {
    if (stop.signal.aborted) return undefined
    throw error
  })
  if (changes === undefined) return EXIT.fine
  tell(`changes from ${showPosition(changes.from)}`)
  let position: Position = changes.from
  const walk = async (): Promise<void> => {
    await writeAll(changes.commits[Symbol.asyncIterator](), context, (at) => (position = at))
  }
  try {
    await Promise.race([walk(), stopped])
  } catch (error) {
    // Whoever read has had enough.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return EXIT.fine
    throw error
  } finally {
    await changes.close()
  }
  if (stop.signal.aborted || !changes.ends) return EXIT.fine
  tell(`nobody serves this database now; its log ends at ${showPosition(position)}`)
  return EXIT.ended
}

async function openPrinted(
  options: Omit<TargetOptions, 'tables'>,
  { format, table }: ChangesFlags,
  { engine }: Context,
): Promise<TargetFeed<Printed>> {
  if (format === undefined || format === 'row')
    return printedOf(await engine.openChanges({ ...options, tables: table }), printCommit)
  if (table !== undefined)
    throw new StemmaError(
      'BAD_ARGUMENT',
      `--table is for lines of Stemma's own; the payloads of ${format} are printed as they are`,
    )
  return printedOf(await engine.openPayloads({ ...options, format }), (entry) => printPayload(entry, format))
}

function printedOf<T>({ commits, ...feed }: TargetFeed<T>, print: (commit: T) => Printed): TargetFeed<Printed> {
  async function* printed(): AsyncGenerator<Printed, void, undefined> {
    for await (const commit of commits) yield print(commit)
  }
  return { ...feed, commits: printed() }
}

function printCommit(commit: ChangeCommit): Printed {
  function* lines(): Generator<string, void, undefined> {
    for (const line of showCommit(commit)) yield `${line}\n`
  }
  return { position: commit.position, parts: lines() }
}

function printPayload({ position, barrier, payload }: FeedEntry, format: string): Printed {
  if (!barrier) return { position, parts: [payload] }
  const at = showPosition(position)
  const what = `the commit at ${at} is not in the log as ${format}; what follows it begins with --from ${at}`
  return { position, parts: [], failure: new StemmaError('SNAPSHOT_NEEDED', what, { position }) }
}

/** Writes commits, several at once while more are there already. Gives the position behind each that was written. */
async function writeAll(
  walk: AsyncIterator<Printed, void, undefined>,
  context: Context,
  written: (at: Position) => void,
): Promise<void> {
  let pieces: Uint8Array[] = []
  let size = 0
  let last: Position | undefined
  const write = async (): Promise<void> => {
    if (size > 0) await context.writeOut(Buffer.concat(pieces))
    pieces = []
    size = 0
  }
  const flush = async (): Promise<void> => {
    await write()
    if (last !== undefined) written(last)
  }
  for (;;) {
    const next = walk.next()
    const ready = size === 0 ? undefined : await Promise.race([next, nextTurn()])
    if (ready === undefined) await flush()
    const { done, value: commit } = ready ?? (await next)
    if (done === true) return await flush()
    for (const part of commit.parts) {
      const bytes = typeof part === 'string' ? Buffer.from(part) : part
      pieces.push(bytes)
      size += bytes.byteLength
      if (size >= WRITE_BYTES) await write()
    }
    if (commit.failure !== undefined) {
      await flush()
      throw commit.failure
    }
    last = commit.position
  }
}
