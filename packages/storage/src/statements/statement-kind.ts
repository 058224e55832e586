/**
 * What a statement is, by its first word:
 * - `data`: INSERT, REPLACE, UPDATE, DELETE, and WITH, which may lead to any of them;
 * - `control`: BEGIN, COMMIT, END, ROLLBACK, SAVEPOINT, RELEASE;
 * - `read`: SELECT and VALUES;
 * - `pragma`: PRAGMA;
 * - `explain`: EXPLAIN, under which some PRAGMAs take effect;
 * - `other`: what changes the schema, or may;
 * - `script`: several statements that are not told apart.
 */
export type StatementKind = 'data' | 'control' | 'read' | 'pragma' | 'explain' | 'other' | 'script'

/** Whether a statement of a kind is to be looked at before it runs. */
export function mayWrite(kind: StatementKind): boolean {
  return kind === 'data' || kind === 'other' || kind === 'pragma'
}

/** Tells what a statement is. */
export function kindOfStatement(sql: string): StatementKind {
  return KINDS[firstWord(sql)] ?? 'other'
}

/** The first word of a statement, in lower case; empty when it begins with something else. */
export function firstWord(sql: string): string {
  return FIRST_WORD.exec(sql)?.[1]?.toLowerCase() ?? ''
}

/** A transaction that a statement begins, divides or ends. */
export type TransactionControl =
  | { readonly kind: 'begin'; readonly locks: boolean }
  | { readonly kind: 'commit' | 'rollback' }
  | { readonly kind: 'savepoint' | 'release' | 'rollback-to'; readonly name: string }

/** Reads a statement of kind `control`. What SQLite would refuse gives anything. */
export function readControl(sql: string): TransactionControl {
  const words = sql.match(WORDS)?.filter((word) => !/^(?:--|\/\*|;)/.test(word)) ?? []
  const lower = words.map((word) => word.toLowerCase())
  const last = nameOf(words.at(-1) ?? '')
  switch (lower[0] ?? '') {
    case 'begin':
      return { kind: 'begin', locks: lower[1] === 'immediate' || lower[1] === 'exclusive' }
    case 'savepoint':
      return { kind: 'savepoint', name: last }
    case 'release':
      return { kind: 'release', name: last }
    case 'rollback':
      // ROLLBACK, ROLLBACK TRANSACTION [name], ROLLBACK [TRANSACTION [name]] TO [SAVEPOINT] name
      return lower.slice(1, -1).includes('to') ? { kind: 'rollback-to', name: last } : { kind: 'rollback' }
    default:
      return { kind: 'commit' }
  }
}

/** SQLite takes a semicolon with nothing before it for nothing, and a byte order mark for white space. */
const FIRST_WORD = /^(?:[\s;\uFEFF]|--[^\n]*(?:\n|$)|\/\*[^]*?(?:\*\/|$))*([a-z]+)/i

const WORDS = /--[^\n]*|\/\*[^]*?(?:\*\/|$)|"(?:[^"]|"")*"|'(?:[^']|'')*'|`(?:[^`]|``)*`|\[[^\]]*\]|;|[^\s;"'`[\-/]+|[-/]/g

/** A name as SQLite compares it: without quotes, letters of ASCII in lower case. */
function nameOf(word: string): string {
  const quote = word[0] ?? ''
  const name =
    quote === '['
      ? word.slice(1, -1)
      : `"'\``.includes(quote) && quote !== ''
        ? word.slice(1, -1).replaceAll(quote + quote, quote)
        : word
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

const KINDS: Readonly<Record<string, StatementKind | undefined>> = {
  insert: 'data',
  replace: 'data',
  update: 'data',
  delete: 'data',
  with: 'data',
  begin: 'control',
  commit: 'control',
  end: 'control',
  rollback: 'control',
  savepoint: 'control',
  release: 'control',
  select: 'read',
  values: 'read',
  pragma: 'pragma',
  explain: 'explain',
}
