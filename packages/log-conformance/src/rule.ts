import type { Lab } from './lab/lab.ts'
import type { Subject } from './subject.ts'

/** One promise that every log format keeps: a rule of the contract, and how it is tried. */
export interface Rule {
  /** Never changed, never given twice: issues, documents and other people's tests point at it. */
  readonly id: RuleId
  /** The promise in one sentence, as the contract says it. */
  readonly says: string
  /** Why the rule is not for such a format; undefined when it is. */
  notFor?(subject: Subject): string | undefined
  /** Tries it. Throws when the promise is broken. */
  check(lab: Lab): Promise<void>
}

/** The number of a rule in the contract, as `packages/log/SPEC.md` of Stemma's repository has it. */
export type RuleId = `LF-${number}`

/** What came of trying a rule. */
export type Verdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly error: unknown }
  /** It is listed as a known failure, and it fails. */
  | { readonly kind: 'known-failure'; readonly error: unknown }
  /** It is listed as a known failure, and it passes: take it off the list. */
  | { readonly kind: 'no-longer-failing' }
  | { readonly kind: 'not-applicable'; readonly why: string }
