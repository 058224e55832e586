import type { Commit, CommitRows, PageChange, RowChange } from '@stemma/log'
import { copyOf } from './understand.ts'

/** A commit whose bytes are lent, and how they come back. */
export interface Lent {
  readonly commit: Commit
  /** What was written into that should only be read, once the call is over; undefined when nothing was. */
  touched(): string | undefined
  /** Overwrites all bytes that were lent. */
  spoil(): void
}

/** What borrowed bytes are overwritten with when their time is over. */
const SPOILT = 0xa5

/**
 * A commit that gives the same as another, from buffers of its own: pages for the call, rows until the next one is asked for. Whoever
 * keeps bytes for longer finds them spoilt.
 */
export function lend(commit: Commit): Lent {
  const loans = new Set<Loan>()
  let touched: string | undefined
  const lendBytes = (bytes: Uint8Array, what: string): Loan => {
    const loan = { what, bytes: copyOf(bytes), original: copyOf(bytes) }
    loans.add(loan)
    return loan
  }
  const takeBack = (loan: Loan): void => {
    if (isTouched(loan)) touched ??= loan.what
    loans.delete(loan)
    loan.bytes.fill(SPOILT)
  }
  function* lendRows(rows: Iterable<RowChange>, table: string): Generator<RowChange, void, void> {
    for (const row of rows) {
      const what = `${row.kind} of row ${row.rowid} of ${table}`
      const before = row.before && lendBytes(row.before, `what was before the ${what}`)
      const after = row.after && lendBytes(row.after, `what is after the ${what}`)
      yield { ...row, before: before?.bytes, after: after?.bytes }
      for (const loan of [before, after]) if (loan !== undefined) takeBack(loan)
    }
  }
  const pages = (): PageChange[] =>
    commit.pages().map(({ pageNumber, before, after, sum }) => ({
      pageNumber,
      sum,
      before: before && lendBytes(before, `page ${pageNumber} as it was before`).bytes,
      after: lendBytes(after, `page ${pageNumber}`).bytes,
    }))
  const rows = (): CommitRows => {
    const all = commit.rows()
    return { ...all, tables: all.tables.map((table) => ({ ...table, rows: () => lendRows(table.rows(), table.name) })) }
  }
  return {
    commit: { ...commit, pages, rows, statements: () => commit.statements() },
    touched() {
      return touched ?? [...loans].find(isTouched)?.what
    },
    spoil() {
      for (const loan of loans) takeBack(loan)
    },
  }
}

interface Loan {
  readonly what: string
  readonly bytes: Uint8Array
  readonly original: Uint8Array
}

function isTouched({ bytes, original }: Loan): boolean {
  return Buffer.compare(bytes, original) !== 0
}
