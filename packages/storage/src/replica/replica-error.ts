import { StemmaError } from '@stemma/base'
import { sqliteCode } from '../sqlite/driver.ts'

const FULL: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'EFBIG', 'SQLITE_FULL']

/** Says what a failure of the copy's files means; a StemmaError, and what is no failure of files, is passed on as it is. */
export function copyError(error: unknown): unknown {
  if (!(error instanceof Error) || StemmaError.is(error)) return error
  const code = sqliteCode(error) ?? (error as NodeJS.ErrnoException).code
  if (typeof code !== 'string') return error
  if (FULL.includes(code))
    return new StemmaError('REPLICA_FULL', `no room to write the copy: ${error.message}`, { cause: code }, error)
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code))
    return new StemmaError('DAMAGED_FILE', `the copy is damaged: ${error.message}`, { cause: code }, error)
  return new StemmaError('REPLICA_FAILED', error.message, { cause: code }, error)
}

/** True when the disk of the copy or of its sidecar is full. */
export function isDiskFull(error: unknown): boolean {
  return StemmaError.is(error, 'REPLICA_FULL') || StemmaError.is(error, 'LOG_FULL')
}
