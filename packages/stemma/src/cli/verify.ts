import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit-code.ts'
import { openScreen } from './screen.ts'
import { listenForStop } from './stop.ts'
import { readTextFile, readToken } from './token.ts'
import { showVerified } from './verified-text.ts'

/** The options of `stemma verify`, as they were typed. */
export interface VerifyFlags {
  readonly table?: readonly string[]
  readonly tokenFile?: string
  readonly tlsCa?: string
  readonly json?: boolean
}

/** Compares a copy with its leader at one position, and says by the exit code whether they are the same. */
export async function verify(leader: string, database: string, flags: VerifyFlags, context: Context): Promise<ExitCode> {
  const screen = openScreen(context.output, flags.json === true)
  const token = readToken(flags.tokenFile, context.env)
  using stop = listenForStop(context.signals)
  const result = await context.engine.verify({
    leader,
    database,
    tables: flags.table,
    token,
    tls: flags.tlsCa === undefined ? undefined : { ca: readTextFile(flags.tlsCa, '--tls-ca') },
    signal: stop.signal,
  })
  screen.record({ ...result })
  for (const line of showVerified(result)) screen.line(line)
  return result.kind === 'same' ? EXIT.fine : EXIT.differs
}
