import { StemmaError, type Position } from '@stemma/base'

/**
 * The error for a commit whose rows nobody can know: it names the commit and the reason.
 *
 * @param reason - why, in words; or what was thrown
 */
export function unknownRows({ epoch, sequence }: Position, reason: unknown): StemmaError {
  const why = reason instanceof Error ? reason.message.replace(/^ROWS_UNKNOWN: /, '') : String(reason)
  const cause = reason instanceof Error ? reason : undefined
  return new StemmaError(
    'ROWS_UNKNOWN',
    `the rows of commit ${epoch}:${sequence} are unknown: ${why}`,
    { epoch, sequence, why },
    cause,
  )
}
