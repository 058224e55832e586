import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Position, parsePosition, showPosition } from '@stemma/base'
import type { ChangeCommit } from '../changes/change-commit.ts'
import { showCommit } from '../changes/change-lines.ts'
import type { Context } from './context.ts'
import { messageOf } from './event-text.ts'
import { EXIT, type ExitCode } from './exit-code.ts'
import { aborted, listenForStop } from './stop.ts'
import { readTextFile, readToken } from './token.ts'

/** The options of `stemma changes`, as they were typed. */
export interface ChangesFlags {
  readonly from?: string
  readonly table?: readonly string[]
  readonly tokenFile?: string
  readonly tlsCa?: string
  readonly name?: string
}

/** Lines are gathered to about this many characters before they are written. */
const WRITE_SIZE = 64 * 1024

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
  const changes = await context.engine
    .openChanges({
      target,
      from,
      tables: flags.table,
      token,
      tls: flags.tlsCa === undefined ? undefined : { ca: readTextFile(flags.tlsCa, '--tls-ca') },
      ...(flags.name === undefined ? {} : { name: flags.name }),
      signal: stop.signal,
      onEvent(event) {
        if (event.kind === 'connected') tell(`connected to ${event.url}, which is at ${showPosition(event.tip)}`)
        else if (!stop.signal.aborted)
          tell(`disconnected${event.error === undefined ? '' : `: ${messageOf(event.error)}`}; trying again`)
      },
    })
    .catch((error: unknown) => {
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

/** Writes commits, several at once while more are there already. Gives the position behind each that was written. */
async function writeAll(
  walk: AsyncIterator<ChangeCommit, void, undefined>,
  context: Context,
  written: (at: Position) => void,
): Promise<void> {
  let text = ''
  let last: Position | undefined
  const flush = async (): Promise<void> => {
    if (text !== '') await context.writeOut(text)
    text = ''
    if (last !== undefined) written(last)
  }
  for (;;) {
    const next = walk.next()
    const ready = text === '' ? undefined : await Promise.race([next, nextTurn()])
    if (ready === undefined) await flush()
    const { done, value: commit } = ready ?? (await next)
    if (done === true) return await flush()
    for (const line of showCommit(commit)) {
      text += `${line}\n`
      if (text.length < WRITE_SIZE) continue
      await context.writeOut(text)
      text = ''
    }
    last = commit.position
  }
}
