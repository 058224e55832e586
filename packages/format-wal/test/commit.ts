import { pageSum } from '@stemma/base'
import type { Commit, PageChange, PageTarget } from '@stemma/log'

/** A page before and after; undefined for one that was not there. */
export interface PagePair {
  readonly pageNumber: number
  readonly before: Uint8Array | undefined
  readonly after: Uint8Array
}

/** For tests: a commit that wrote these pages. */
export function newCommit(pageSize: number, pageCount: number, pairs: readonly PagePair[]): Commit {
  const changes: PageChange[] = pairs.map((pair) => ({ ...pair, sum: pageSum(pair.pageNumber, pair.after) }))
  return {
    position: { epoch: 1, sequence: 1 },
    committedAt: 1_700_000_000_000,
    recovered: false,
    oversized: false,
    pageSize,
    pageCount,
    pageCountBefore: pageCount,
    digest: 0n,
    digestBefore: 0n,
    pages: () => changes,
    rows: () => {
      throw new Error('a format of pages looks at no rows')
    },
    statements: () => {
      throw new Error('nor at statements')
    },
  }
}

/** For tests: the pages of a copy. */
export class Copy implements PageTarget {
  readonly pageSize: number
  readonly pages: Map<number, Uint8Array> = new Map()
  readonly expected: Map<number, number> = new Map()
  pageCount = 0

  constructor(pageSize: number, pairs: readonly PagePair[] = []) {
    this.pageSize = pageSize
    for (const { pageNumber, before } of pairs) {
      if (before !== undefined) this.pages.set(pageNumber, before.slice())
    }
  }

  page(pageNumber: number): Uint8Array {
    let page = this.pages.get(pageNumber)
    if (page === undefined) this.pages.set(pageNumber, (page = new Uint8Array(this.pageSize)))
    return page
  }

  expect(pageNumber: number, sum: number): void {
    this.expected.set(pageNumber, sum)
  }

  setPageCount(pageCount: number): void {
    this.pageCount = pageCount
  }

  /** The pages that are not as the entry said they would be. */
  wrongPages(): number[] {
    return [...this.expected].filter(([n, sum]) => Number(pageSum(n, this.page(n)) & 0xffffffffn) !== sum).map(([n]) => n)
  }
}
