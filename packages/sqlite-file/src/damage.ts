import { StemmaError, type PageNumber } from '@stemma/base'

/** The error for a page that does not say what SQLite would have written. */
export function damagedPage(pageNumber: PageNumber, why: string): StemmaError {
  return new StemmaError('DAMAGED_FILE', `page ${pageNumber} is damaged: ${why}`, { pageNumber, why })
}

/** The error for a record that does not say what SQLite would have written. */
export function damagedRecord(why: string): StemmaError {
  return new StemmaError('DAMAGED_FILE', `a record is damaged: ${why}`, { why })
}
