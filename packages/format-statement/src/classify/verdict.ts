import type { PureContext } from './opcodes.ts'
import { SAFETIES, STATEMENT_CODES, type Safety, type StatementCode } from './codes.ts'

/** A place in SQL text, in UTF-16 code units from its beginning; `end` is past the last one. */
export interface Place {
  readonly start: number
  readonly end: number
}

/** One reason why a statement may do something else on a copy. */
export interface Finding extends Place {
  readonly code: StatementCode
  readonly safety: Safety
  /** Through what the statement comes to it, such as `trigger audit`: the place is then where the statement names it. */
  readonly through?: string
  /** What SQLite or the parser said about it. */
  readonly detail?: string
}

/** What is thought of one statement: whether it does the same when a copy runs it again, and why not. */
export interface Verdict {
  /** That of the strictest finding. */
  readonly safety: Safety
  /** In the order of the text; no two with the same code, place and way. */
  readonly findings: readonly Finding[]
  /** False when the statement changes nothing that is replicated: a SELECT, a setting, the TEMP database. */
  readonly writes: boolean
  /**
   * Functions that the statement calls only where SQLite lets its own ask neither clock nor time zone; left out when there are none. Whoever puts
   * others in their place has to refuse there what SQLite refuses.
   */
  readonly pureCalls?: ReadonlyMap<string, PureContext>
}

/** Collects what is found; gives a verdict at the end. */
export interface Report {
  add(code: StatementCode, place: Place, detail?: string): void
  /** A report on something that stands elsewhere: all its places are `place`. */
  through(what: string, place: Place): Report
}

export interface OpenReport extends Report {
  notePure(calls: ReadonlyMap<string, PureContext>): void
  /** @param keep - which findings count. */
  close(writes: boolean, keep?: (finding: Finding) => boolean): Verdict
}

export function openReport(): OpenReport {
  const findings = new Map<string, Finding>()
  let pureCalls: ReadonlyMap<string, PureContext> = new Map()
  function note(finding: Omit<Finding, 'safety'>): void {
    const key = `${finding.code} ${finding.start} ${finding.end} ${finding.through ?? ''}`
    if (!findings.has(key)) findings.set(key, { ...finding, safety: STATEMENT_CODES[finding.code].safety })
  }
  function through(what: string, { start, end }: Place): Report {
    return {
      add: (code, _place, detail) => note({ code, start, end, through: what, ...(detail === undefined ? {} : { detail }) }),
      through: (further) => through(`${what}, ${further}`, { start, end }),
    }
  }
  return {
    add: (code, { start, end }, detail) => note({ code, start, end, ...(detail === undefined ? {} : { detail }) }),
    through,
    notePure(calls) {
      pureCalls = calls
    },
    close(writes, keep = () => true) {
      const all = [...findings.values()].filter(keep).toSorted((a, b) => a.start - b.start || a.end - b.end)
      return { safety: strictest(all), findings: all, writes, ...(pureCalls.size === 0 ? {} : { pureCalls }) }
    },
  }
}

function strictest(findings: readonly Finding[]): Safety {
  const worst = findings.reduce((most, { safety }) => Math.max(most, SAFETIES.indexOf(safety)), 0)
  return SAFETIES[worst] ?? 'reject'
}
