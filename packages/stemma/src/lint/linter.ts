import { type Finding, newClassifier, openSqlitePort, schemaVersionOf, splitStatements } from '@stemma/format-statement'
import Database from 'better-sqlite3'
import { loadSchema } from './load-schema.ts'

/** One statement of a script, or one object of a database's schema, and what is to say about it. */
export interface Linted {
  readonly sql: string
  /** Where it begins in its script, in UTF-16 code units; 0 for an object of a schema. */
  readonly start: number
  /** By places in `sql`, in their order. */
  readonly findings: readonly Finding[]
  /** Nothing is wrong unless a statement that writes comes to it: a view may be there for reading only. */
  readonly isNote: boolean
}

export interface LintedObject extends Linted {
  /** Such as `trigger audit`. */
  readonly name: string
}

export interface Linter {
  /** Judges each statement of a script; what a script creates, those after it and later scripts can use. */
  lintScript(script: string): Linted[]
  /** Judges defaults, views and triggers of the database that was given. */
  lintSchema(): LintedObject[]
  /** What of the database's schema could not be taken over, so that statements about it can't be judged. */
  readonly missing: readonly string[]
  close(): void
}

/**
 * Opens a linter on an empty schema, or on a copy of a database's. The copy is in memory: nothing is written, and no row is read.
 *
 * @throws StemmaError NO_DATABASE, NOT_A_DATABASE or CANNOT_OPEN.
 */
export function openLinter(path?: string): Linter {
  const memory = new Database(':memory:')
  const { objects, missing } = path === undefined ? { objects: [], missing: [] } : loadSchema(path, memory)
  const port = openSqlitePort(memory)
  const classifier = newClassifier({ ...port, explain: (sql) => withFunctions(memory, () => port.explain(sql)) })
  const lint = (sql: string, start: number): Linted => {
    const before = schemaVersionOf(memory)
    const { findings } = classifier.classify(sql, before)
    const defines = /^(?:create|alter|drop|attach|detach)\b/i.test(sql) && findings.every(({ code }) => code !== 'SQL_ERROR')
    if (!defines) return { sql, start, findings: withoutFollowing(findings), isNote: false }
    const kept = classifier.judgeDefinition(sql, before)
    const refused = define(memory, sql)
    const all = [...findings, ...kept, ...(refused === undefined ? [] : [refused])]
    return { sql, start, findings: all.toSorted((a, b) => a.start - b.start), isNote: isView(sql) && refused === undefined }
  }
  return {
    lintScript: (script) => splitStatements(script).map(({ sql, start }) => lint(sql, start)),
    lintSchema: () =>
      objects.map(({ name, sql }) => {
        const findings = classifier.judgeDefinition(sql, schemaVersionOf(memory))
        return { name, sql, start: 0, findings, isNote: isView(sql) }
      }),
    missing,
    close: () => memory.close(),
  }
}

function isView(sql: string): boolean {
  return /^create\s+(?:temp(?:orary)?\s+)?view\b/i.test(sql)
}

/** Runs a definition in the linter's own database, other databases replaced by empty ones. */
function define(memory: Database.Database, sql: string): Finding | undefined {
  try {
    const attached = /^attach\b[^]*?\bas\b([^]*)$/i.exec(sql)?.[1]
    withFunctions(memory, () => memory.exec(attached === undefined ? sql : `ATTACH ':memory:' AS ${attached}`))
    return undefined
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    return { code: 'SQL_ERROR', safety: 'reject', start: 0, end: sql.length, detail }
  }
}

/** Names of functions that one statement may call and the linter does not know. */
const UNKNOWN_MAX = 50

/** Calls again with each function that SQLite misses: the program will define it. */
function withFunctions<T>(memory: Database.Database, call: () => T): T {
  for (let tries = 0; ; tries++) {
    try {
      return call()
    } catch (error) {
      const name = /^no such function: (.+)$/.exec(error instanceof Error ? error.message : '')?.[1]
      if (name === undefined || tries >= UNKNOWN_MAX) throw error
      memory.function(name, { varargs: true, deterministic: true }, () => null)
    }
  }
}

/** A collation of the program's own can't be stood in for; that SQLite misses it here says nothing more. */
function withoutFollowing(findings: readonly Finding[]): readonly Finding[] {
  const isKnown = findings.some(({ code }) => code === 'USER_COLLATION' || code === 'DOUBLE_QUOTED_STRING')
  return isKnown ? findings.filter(({ code, detail }) => code !== 'SQL_ERROR' || !FOLLOWS.test(detail ?? '')) : findings
}

const FOLLOWS = /^no such (?:collation sequence|column)/
