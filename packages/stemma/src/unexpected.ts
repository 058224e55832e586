import { StemmaError } from '@stemma/base'

/** Any error as one with a code: what has none is a bug or comes from the machine. */
export function asStemmaError(error: unknown): StemmaError {
  if (StemmaError.is(error)) return error
  return new StemmaError('UNEXPECTED', error instanceof Error ? error.message : String(error), {}, error)
}
