import {
  type AstNode,
  type Expr,
  type Limit,
  type SortedColumn,
  type Span,
  type Stmt,
  VisitorKeys,
  parseStmt,
  tokenName,
  tokenize,
} from 'sqlite3-parser'
import type { Place } from './verdict.ts'

/** What came of reading one statement. */
export type Parsed =
  | { readonly kind: 'statement'; readonly statement: Stmt }
  /** White space and comments only. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'unparsed'; readonly detail: string }

/** Reads one statement; a semicolon may follow it, nothing else. */
export function parseStatement(sql: string): Parsed {
  const parsed = tryParse(sql)
  if (parsed.kind !== 'unparsed' || parsed.detail === NOTHING) return parsed.kind === 'unparsed' ? { kind: 'nothing' } : parsed
  return parseLimitedChange(sql) ?? parsed
}

const NOTHING = 'no SQL statement in input'

function tryParse(sql: string): Parsed {
  const result = parseStmt(sql)
  if (result.status === 'ok') return { kind: 'statement', statement: result.root }
  return { kind: 'unparsed', detail: result.errors[0]?.message ?? 'not understood' }
}

/**
 * Reads `DELETE ... ORDER BY ... LIMIT ...` and the same of UPDATE, which SQLite knows when it is built with
 * SQLITE_ENABLE_UPDATE_DELETE_LIMIT, and the parser's grammar does not: head and tail are read each for itself.
 */
function parseLimitedChange(sql: string): Parsed | undefined {
  const at = tailOf(sql)
  if (at === undefined) return undefined
  const head = tryParse(sql.slice(0, at))
  const tail = tryParse(`${'SELECT 1'.padEnd(at)}${sql.slice(at)}`)
  if (head.kind !== 'statement' || tail.kind !== 'statement' || tail.statement.type !== 'SelectStmt') return undefined
  const { statement } = head
  if (statement.type !== 'DeleteStmt' && statement.type !== 'UpdateStmt') return undefined
  const limited: { orderBy: readonly SortedColumn[] | undefined; limit: Limit | undefined } = tail.statement.body
  return { kind: 'statement', statement: { ...statement, orderBy: limited.orderBy, limit: limited.limit } }
}

/** Where ORDER BY or LIMIT begins that stands outside of any parentheses. */
function tailOf(sql: string): number | undefined {
  let depth = 0
  for (const { type, span } of tokenize(sql)) {
    const token = tokenName(type)
    if (token === 'LP') depth++
    if (token === 'RP') depth--
    if (depth === 0 && (token === 'ORDER' || token === 'LIMIT') && span.offset >= 'SELECT 1'.length) return span.offset
  }
  return undefined
}

/** One statement of a script. */
export interface ScriptStatement extends Place {
  /** Its text, without the semicolon behind it. */
  readonly sql: string
}

/**
 * Splits a script at its semicolons, as the sqlite3 program does: those in strings, comments and bodies of triggers don't count.
 *
 * White space and comments before a statement are left out.
 */
export function splitStatements(script: string): ScriptStatement[] {
  const statements: ScriptStatement[] = []
  let tokens: string[] = []
  let place: Place = { start: 0, end: 0 }
  const finish = (): void => {
    if (tokens.length > 0) statements.push({ ...place, sql: script.slice(place.start, place.end) })
    tokens = []
  }
  for (const { type, span } of tokenize(script)) {
    const token = tokenName(type) ?? ''
    if (token === 'SEMI' && !isInsideTrigger(tokens)) {
      finish()
      continue
    }
    const start = tokens.length === 0 ? span.offset : place.start
    place = { start, end: span.offset + span.length }
    tokens.push(token)
  }
  finish()
  return statements
}

/** A trigger goes on until the word END stands between two semicolons. */
function isInsideTrigger(tokens: readonly string[]): boolean {
  const words = tokens.filter((token) => !BEFORE_CREATE.has(token)).slice(0, 3)
  const isTrigger = words[0] === 'CREATE' && (words[1] === 'TRIGGER' || (words[1] === 'TEMP' && words[2] === 'TRIGGER'))
  return isTrigger && !(tokens.at(-1) === 'END' && tokens.at(-2) === 'SEMI')
}

const BEFORE_CREATE: ReadonlySet<string> = new Set(['EXPLAIN', 'QUERY', 'PLAN'])

/** Where a node stands. */
export function placeOf({ span }: { readonly span: Span }): Place {
  return { start: span.offset, end: span.offset + span.length }
}

/** Nodes that are directly below a node. */
export function childrenOf(node: AstNode): readonly AstNode[] {
  const keys = (VisitorKeys as Readonly<Record<string, readonly string[] | undefined>>)[node.type]
  if (keys === undefined) return []
  const record = node as unknown as Readonly<Record<string, AstNode | readonly AstNode[] | undefined>>
  return keys.flatMap((key) => record[key] ?? [])
}

/** An expression without the parentheses around it. */
export function bare(expr: Expr): Expr {
  const [only, ...more] = expr.type === 'ParenthesizedExpr' ? expr.exprs : []
  return only === undefined || more.length > 0 ? expr : bare(only)
}

/** The terms of a chain of ANDs. */
export function conjuncts(expr: Expr | undefined): Expr[] {
  if (expr === undefined) return []
  const inner = bare(expr)
  return inner.type === 'BinaryExpr' && inner.op === 'And' ? [...conjuncts(inner.left), ...conjuncts(inner.right)] : [inner]
}

/** Names are compared without regard to the case of ASCII letters, as SQLite does. */
export function fold(name: string): string {
  return /[A-Z]/.test(name) ? name.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : name
}
