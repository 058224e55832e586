import { StemmaError } from '@stemma/base'
import { copyError } from '../replica/replica-error.ts'

/** Says what a failure to write rows means; a StemmaError, and what is no failure of SQLite or of files, is passed on as it is. */
export function rowsError(error: unknown): unknown {
  if (error instanceof Error && !StemmaError.is(error) && MISSING.test(error.message))
    return new StemmaError(
      'MISSING_FUNCTION',
      `the copy can not keep an index: ${error.message}`,
      { cause: error.message },
      error,
    )
  return copyError(error)
}

const MISSING = /^(?:no such (?:function|collation sequence)|unknown function): /
