/** A piece of SQL that means something to us. */
interface Token {
  readonly kind: 'word' | 'open' | 'close' | 'other'
  readonly start: number
  readonly end: number
  /** Of a word that is not quoted, in upper case. */
  readonly word: string
}

/**
 * Takes out of a table's SQL what would get in the way of writing rows as they are: columns that are generated and stored become plain
 * ones, and AUTOINCREMENT goes. Texts that have neither come back as they are.
 *
 * @param sql - a CREATE TABLE as `sqlite_schema` has it
 * @see https://sqlite.org/gencol.html, https://sqlite.org/lang_createtable.html
 */
export function stripTableSql(sql: string): string {
  if (!/stored|autoincrement/i.test(sql)) return sql
  const tokens = [...tokensOf(sql)]
  const cuts: [start: number, end: number][] = []
  let depth = 0
  for (const [i, token] of tokens.entries()) {
    if (token.kind === 'open') depth++
    if (token.kind === 'close') depth--
    if (depth !== 1) continue
    if (token.word === 'AUTOINCREMENT') cuts.push([token.start, token.end])
    // A bare AS on this level can be nothing else.
    if (token.word !== 'AS' || tokens[i + 1]?.kind !== 'open') continue
    const last = tokens[closeOf(tokens, i + 1) + 1]
    if (last?.word !== 'STORED') continue
    const first = tokens[i - 1]?.word === 'ALWAYS' && tokens[i - 2]?.word === 'GENERATED' ? tokens[i - 2]! : token
    cuts.push([first.start, last.end])
  }
  let stripped = ''
  let at = 0
  for (const [start, end] of cuts) {
    stripped += sql.slice(at, start)
    at = end
  }
  return stripped + sql.slice(at)
}

/** The index of the token that closes what one opens. */
function closeOf(tokens: readonly Token[], open: number): number {
  let depth = 0
  for (let i = open; i < tokens.length; i++) {
    if (tokens[i]!.kind === 'open') depth++
    if (tokens[i]!.kind === 'close' && --depth === 0) return i
  }
  return tokens.length
}

// Quoted names and strings, comments and white space, words, brackets, all else.
const TOKEN =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\s+|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|[\s\S]/g

function* tokensOf(sql: string): Generator<Token, void, undefined> {
  for (const { 0: text, index: start } of sql.matchAll(TOKEN)) {
    if (/^(?:\s|--|\/\*)/.test(text)) continue
    const kind = text === '(' ? 'open' : text === ')' ? 'close' : /^[A-Za-z_\u0080-\uffff]/.test(text) ? 'word' : 'other'
    yield { kind, start, end: start + text.length, word: kind === 'word' ? text.toUpperCase() : '' }
  }
}
