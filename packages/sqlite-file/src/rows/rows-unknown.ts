import { StemmaError, type PageNumber } from '@stemma/base'

/** No message names more pages than this. */
const PAGES_SHOWN_MAX = 20

/** The error for a commit whose pages do not add up, so that its rows can not be told for sure. */
export function rowsUnknown(why: string, pageNumbers: readonly PageNumber[]): StemmaError {
  const shown = pageNumbers.slice(0, PAGES_SHOWN_MAX)
  const more = pageNumbers.length > shown.length ? ` and ${pageNumbers.length - shown.length} more` : ''
  return new StemmaError('ROWS_UNKNOWN', `${why}: page ${shown.join(', ')}${more}`, { why, pageNumbers: shown })
}
