import { StemmaError, showPosition, type Position } from '@stemma/base'
import type { DecodedEntry } from '@stemma/log'
import { loadFormats } from '../formats.ts'
import { entriesOf } from '../log/log-entries.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit-code.ts'
import { parseCount } from './log.ts'
import { showMany } from './quantity.ts'

/** The options of `stemma log export`, as they were typed. */
export interface LogExportFlags {
  readonly format: string
  /** Undefined: from the oldest entry that is kept. */
  readonly after?: string
  /** Undefined: to the end. */
  readonly limit?: string
}

/** Payloads are gathered to about this many bytes before they are written. */
const WRITE_BYTES = 64 * 1024

/**
 * Writes the payloads of a log one behind another, and nothing else: changesets put together are a changeset, lines are lines. Up to where they go
 * is told on the other output.
 *
 * @throws StemmaError POSITION_NOT_KEPT, SNAPSHOT_NEEDED where a commit is missing; what came before it has been written
 */
export async function exportLog(database: string, flags: LogExportFlags, context: Context): Promise<ExitCode> {
  const [format] = await loadFormats([flags.format])
  const { name } = format!
  const limit = flags.limit === undefined ? Infinity : parseCount(flags.limit, '--limit')
  const log = context.engine.readLog(database)
  try {
    const kept = log.formats.find((each) => each.format === name)
    if (kept === undefined)
      throw new StemmaError('NO_LOG', `${database} has no log of ${name}; serve it with --format ${flags.format}`)
    const after = flags.after === undefined ? kept.oldest - 1 : parseCount(flags.after, '--after')
    if (after < kept.oldest - 1) throw notKept(after, kept.oldest)
    const out = new Output(context)
    let count = 0
    let last: Position | undefined
    for (const entry of entriesOf(log, name, after)) {
      if (count === limit) break
      const fault = faultOf(entry, last?.sequence ?? after, name)
      if (fault !== undefined) {
        await out.flush()
        throw fault
      }
      await out.add(entry.payload)
      last = entry.position
      count++
    }
    await out.flush()
    const upTo = last === undefined ? '' : `, up to ${showPosition(last)}`
    context.errors.write(`stemma: ${showMany(count, 'commit')}${upTo}\n`)
    return EXIT.fine
  } catch (error) {
    // Whoever read has had enough.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return EXIT.fine
    throw error
  } finally {
    log.close()
  }
}

/** Why an entry does not follow on from what was written before it. */
function faultOf({ barrier, position }: DecodedEntry, before: number, name: string): StemmaError | undefined {
  // A leader that is at work may drop what was not read yet.
  if (position.sequence > before + 1) return notKept(before, position.sequence)
  if (!barrier) return undefined
  const what = `the commit at ${showPosition(position)} is not in the log as ${name}; what follows it begins with --after ${position.sequence}`
  return new StemmaError('SNAPSHOT_NEEDED', what, { position })
}

function notKept(after: number, oldest: number): StemmaError {
  const what = `the log no longer has what follows commit ${after}; the oldest to go on from is ${oldest - 1}`
  return new StemmaError('POSITION_NOT_KEPT', what, { after, oldest })
}

class Output {
  readonly #context: Context
  #parts: Uint8Array[] = []
  #bytes = 0

  constructor(context: Context) {
    this.#context = context
  }

  async add(bytes: Uint8Array): Promise<void> {
    this.#parts.push(bytes)
    this.#bytes += bytes.byteLength
    if (this.#bytes >= WRITE_BYTES) await this.flush()
  }

  async flush(): Promise<void> {
    if (this.#bytes > 0) await this.#context.writeOut(Buffer.concat(this.#parts))
    this.#parts = []
    this.#bytes = 0
  }
}
