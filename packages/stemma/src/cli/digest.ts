import { showPosition } from '@stemma/base'
import { showDigest } from '../status.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit-code.ts'
import { openScreen } from './screen.ts'

/** The options of `stemma digest`, as they were typed. */
export interface DigestFlags {
  readonly json?: boolean
}

/**
 * Prints the digest of each database, and says by its exit code whether all are the same.
 *
 * The lines are made for shell scripts: digest, position, path, with spaces between.
 */
export async function printDigests(databases: readonly string[], flags: DigestFlags, context: Context): Promise<ExitCode> {
  const screen = openScreen(context.output, flags.json === true)
  const digests = new Set<bigint>()
  for (const database of databases) {
    const { digest, position, pageSize, pageCount } = await context.engine.digestDatabase(database)
    digests.add(digest)
    const hex = showDigest(digest)
    screen.record({ database, digest: hex, position: position ?? null, pageSize, pageCount })
    screen.line(`${hex}  ${position === undefined ? '-' : showPosition(position)}  ${database}`)
  }
  if (digests.size <= 1) return EXIT.fine
  context.errors.write('stemma: the databases differ\n')
  return EXIT.differs
}
