import { type Position, parsePosition, showPosition } from '@stemma/base'
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
 * A commit is asked for when the one before has been written: a slow reader holds up this command, and fills no memory.
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
    for await (const commit of changes.commits) {
      if (stop.signal.aborted) return
      await writeLines(showCommit(commit), context)
      position = commit.position
    }
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

async function writeLines(lines: Iterable<string>, context: Context): Promise<void> {
  let text = ''
  for (const line of lines) {
    text += `${line}\n`
    if (text.length < WRITE_SIZE) continue
    await context.writeOut(text)
    text = ''
  }
  if (text !== '') await context.writeOut(text)
}
