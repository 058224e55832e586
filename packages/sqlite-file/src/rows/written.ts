import type { PageNumber } from '@stemma/base'

/** True when a commit wrote a page. @param written - ascending */
export function isWritten(written: readonly PageNumber[], pageNumber: PageNumber): boolean {
  let low = 0
  let high = written.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (written[middle]! < pageNumber) low = middle + 1
    else high = middle
  }
  return written[low] === pageNumber
}
