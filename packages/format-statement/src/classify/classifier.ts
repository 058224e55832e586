import type { CreateTableStmt, DeleteStmt, InsertStmt, Stmt, UpdateStmt } from 'sqlite3-parser'
import type { Analysis } from './analysis.ts'
import { type ChangeFacts, judgeChange } from './changes.ts'
import type { StatementCode } from './codes.ts'
import { CLOCK_FUNCTIONS, kindOfFunction } from './functions.ts'
import { type ProgramFacts, readProgram } from './opcodes.ts'
import type { StatementPort } from './port.ts'
import { judgeKept } from './definitions.ts'
import { judgePragma } from './pragmas.ts'
import { type SchemaFacts, readSchema } from './schema-facts.ts'
import { judgeSelect } from './select.ts'
import { fold, parseStatement, placeOf } from './syntax.ts'
import { judgeTriggers } from './triggers.ts'
import { type Finding, type OpenReport, type Place, type Verdict, openReport } from './verdict.ts'

/** Tells whether statements are safe to replicate as text. */
export interface Classifier {
  /**
   * The verdict on one statement; what it would change is not done.
   *
   * @param schemaVersion - another one whenever the schema is, that of TEMP included, and whenever functions were defined. Verdicts of the
   * same version are remembered.
   */
  classify(sql: string, schemaVersion: number): Verdict
  /**
   * What a CREATE TABLE, VIEW or TRIGGER keeps for later: findings on its defaults, its SELECT or its body, by places in its own SQL. They count
   * whenever a statement comes to them; the definition itself may be quite safe.
   *
   * @param schemaVersion - as above; what it refers to is looked up.
   */
  judgeDefinition(sql: string, schemaVersion: number): readonly Finding[]
  /**
   * Takes note of the rowid that the last INSERT gave, for SQLite picks rowids at random once the largest is taken.
   */
  noteRowid(rowid: bigint | number): void
}

/** Verdicts that are remembered; past that the one that was asked for first is forgotten. */
const REMEMBERED_MAX = 10_000
const ROWID_MAX = 2n ** 63n - 1n
const ROWID_MAX_ROUNDED = Number(ROWID_MAX)

/** Makes a classifier over a database as the port shows it. It remembers verdicts for as long as the schema's version is the same. */
export function newClassifier(port: StatementPort): Classifier {
  const verdicts = new Map<string, Verdict>()
  let version: number | undefined
  let known: Known | undefined
  const knownIn = (schemaVersion: number): Known => {
    if (schemaVersion !== version || known === undefined) {
      verdicts.clear()
      version = schemaVersion
      known = { port, schema: readSchema(port.schemaRows()), userFunctions: port.userFunctions() }
    }
    return known
  }
  return {
    classify(sql, schemaVersion) {
      if (schemaVersion !== version) verdicts.clear()
      const before = verdicts.get(sql)
      if (before !== undefined) return before
      const verdict = judge(knownIn(schemaVersion), sql)
      const oldest = verdicts.size >= REMEMBERED_MAX ? verdicts.keys().next().value : undefined
      if (oldest !== undefined) verdicts.delete(oldest)
      verdicts.set(sql, verdict)
      return verdict
    },
    judgeDefinition(sql, schemaVersion) {
      const parsed = parseStatement(sql)
      if (parsed.kind !== 'statement') return []
      const report = openReport()
      judgeKept({ ...newAnalysis({ ...knownIn(schemaVersion), sql, report }), isSchema: true }, parsed.statement)
      return report.close(false).findings
    },
    noteRowid(rowid) {
      if (rowid === ROWID_MAX || rowid === ROWID_MAX_ROUNDED) verdicts.clear()
    },
  }
}

/** What is the same for all statements until the schema changes. */
interface Known {
  readonly port: StatementPort
  readonly schema: SchemaFacts
  readonly userFunctions: ReadonlySet<string>
}

function judge(known: Known, sql: string): Verdict {
  const report = openReport()
  const parsed = parseStatement(sql)
  switch (parsed.kind) {
    case 'nothing':
      return report.close(false)
    case 'unparsed':
      return judgeUnparsed(known.port, sql, { report, detail: parsed.detail })
    case 'statement':
      return judgeStatement({ ...known, sql, report }, parsed.statement)
  }
}

interface Case extends Known {
  readonly sql: string
  readonly report: OpenReport
}

function everything(sql: string): Place {
  return { start: 0, end: sql.length }
}

function judgeUnparsed(
  port: StatementPort,
  sql: string,
  { report, detail }: { readonly report: OpenReport; readonly detail: string },
): Verdict {
  // A PRAGMA may take effect when it is explained.
  const isPragma = /^(?:\s|;|--.*|\/\*[^]*?\*\/)*(?:pragma|explain)\b/i.test(sql)
  const program = isPragma ? undefined : explain(port, sql, report)
  if (program?.writesMain === false) return report.close(false)
  if (isPragma || program !== undefined) report.add('UNPARSED', everything(sql), detail)
  return report.close(true)
}

function explain(port: StatementPort, sql: string, report: OpenReport): ProgramFacts | undefined {
  try {
    const program = readProgram(port.explain(sql))
    report.notePure(program.pureCalls)
    return program
  } catch (error) {
    report.add('SQL_ERROR', everything(sql), error instanceof Error ? error.message : String(error))
    return undefined
  }
}

function judgeStatement(of: Case, statement: Stmt): Verdict {
  const { report, schema } = of
  switch (statement.type) {
    case 'SelectStmt':
    case 'ExplainStmt':
    case 'BeginStmt':
    case 'CommitStmt':
    case 'RollbackStmt':
    case 'SavepointStmt':
    case 'ReleaseStmt':
    case 'AttachStmt':
    case 'DetachStmt':
    case 'ReindexStmt':
      return report.close(false)
    case 'PragmaStmt': {
      const { code, writes } = judgePragma(statement)
      if (code !== undefined) report.add(code, placeOf(statement))
      return report.close(writes)
    }
    case 'VacuumStmt': {
      const renumbers =
        statement.into === undefined && schema.tables().some(({ hasRowid, rowidAlias }) => hasRowid && rowidAlias === undefined)
      if (renumbers) report.add('VACUUM', placeOf(statement))
      return report.close(renumbers)
    }
    case 'AnalyzeStmt':
      report.add('PLANNER_STATISTICS', placeOf(statement))
      return report.close(true)
    case 'InsertStmt':
    case 'UpdateStmt':
    case 'DeleteStmt':
      return judgeData(of, statement)
    default:
      return judgeDefinition(of, statement)
  }
}

function newAnalysis({ port, schema, userFunctions, sql, report }: Case): Analysis {
  return {
    schema,
    userFunctions,
    recordableFunctions: port.recordableFunctions?.() ?? new Set(),
    report,
    text: sql,
    seenFunctions: new Set(),
    reads: new Set(),
    virtualTables: new Set(),
    draws: 'once',
    isSchema: false,
    depth: 0,
    select: judgeSelect,
  }
}

/** CREATE, ALTER and DROP. */
function judgeDefinition(of: Case, statement: Stmt): Verdict {
  const { report, sql, port, schema } = of
  const program = explain(port, sql, report)
  if (program?.writesMain !== true) return report.close(program === undefined)
  // Its CHECKs and generated columns are tried on the rows there are, by a statement of SQLite's that EXPLAIN does not show.
  if (statement.type === 'AlterTableStmt') report.notePure(IN_ALTER)
  if (statement.type === 'CreateTableStmt') judgeAsSelect(of, statement, program)
  if (statement.type === 'CreateVirtualTableStmt')
    report.add('VIRTUAL_TABLE', placeOf(statement.tblName), fold(statement.moduleName.text))
  if (statement.type === 'DropTableStmt') {
    const name = fold(statement.tblName.objName.text)
    const relation = schema.relation(name, 'main')
    if (relation?.kind === 'virtual') report.add('VIRTUAL_TABLE', placeOf(statement.tblName), name)
    if (schema.tables().some(({ foreignKeys }) => foreignKeys.some(({ parent }) => parent === name)))
      report.add('FOREIGN_KEYS', placeOf(statement.tblName))
  }
  if (statement.type === 'CreateIndexStmt') judgeUnseen(newAnalysis(of), program, everything(sql))
  return report.close(true)
}

function judgeAsSelect(of: Case, { body, tblName }: CreateTableStmt, program: ProgramFacts): void {
  if (body.type !== 'AsSelectCreateTableBody') return
  const analysis = newAnalysis(of)
  const { isSingle, isOrdered } = analysis.select(analysis, body.select, { outer: undefined, use: 'list' })
  if (!isSingle && !isOrdered) analysis.report.add('CREATE_TABLE_AS_SELECT', placeOf(tblName))
  judgeElsewhere(analysis, program, placeOf(tblName))
  judgeUnseen(analysis, program, everything(of.sql))
}

/** INSERT, UPDATE and DELETE. */
function judgeData(of: Case, statement: InsertStmt | UpdateStmt | DeleteStmt): Verdict {
  const { port, schema, sql, report } = of
  const program = explain(port, sql, report)
  const analysis = newAnalysis(of)
  const change = judgeChange(analysis, statement)
  if (program === undefined) return report.close(true)
  if (!program.writesMain) return report.close(false, ({ code }) => code === 'TEMP_SHADOWS_MAIN')
  const fired = [...program.triggers].flatMap((name) => schema.trigger(name) ?? [])
  const inTriggers = judgeTriggers(analysis, change, fired)
  const unread = [...program.triggers].filter((name) => !fired.some((trigger) => trigger.name === name))
  for (const name of unread) report.through(`trigger ${name}`, placeOf(change.target)).add('UNPARSED', placeOf(change.target))
  judgeRowids(analysis, port, [change, ...inTriggers])
  judgeElsewhere(analysis, program, placeOf(change.target))
  judgeUnseen(analysis, program, everything(sql))
  return report.close(true)
}

function judgeRowids(
  { report }: Analysis,
  port: StatementPort,
  [main, ...inTriggers]: readonly [ChangeFacts, ...ChangeFacts[]],
): void {
  for (const { picksRowid, relation } of [main, ...inTriggers]) {
    if (!picksRowid || relation?.kind !== 'table' || relation.table.isAutoincrement || relation.table.database !== 'main')
      continue
    if (port.isRowidExhausted(relation.table.name)) report.add('ROWID_EXHAUSTED', placeOf(main.target), relation.table.name)
  }
}

/** Databases and virtual tables that SQLite's program uses. */
function judgeElsewhere({ report, virtualTables }: Analysis, program: ProgramFacts, place: Place): void {
  if (program.usesTemp) report.add('TEMP_TABLE', place)
  if (program.usesAttached) report.add('ATTACHED_DATABASE', place)
  if (program.usesVirtualTable && virtualTables.size === 0) report.add('VIRTUAL_TABLE', place)
}

/** Functions that SQLite's program calls and that were not seen in any SQL: whatever hid them, they count. */
function judgeUnseen({ seenFunctions, userFunctions, report }: Analysis, { functions }: ProgramFacts, place: Place): void {
  for (const name of functions) {
    if (seenFunctions.has(name)) continue
    const code = userFunctions.has(name) ? 'USER_FUNCTION' : UNSEEN[kindOfFunction(name)]
    if (code !== undefined) report.add(code, place, name)
  }
}

const IN_ALTER: ReadonlyMap<string, 'check'> = new Map([...CLOCK_FUNCTIONS].map((name) => [name, 'check']))

const UNSEEN: Readonly<Record<ReturnType<typeof kindOfFunction>, StatementCode | undefined>> = {
  pure: undefined,
  versioned: 'SQLITE_VERSION',
  random: 'VALUE_PER_ROW',
  clock: 'CLOCK',
  connection: 'VALUE_PER_ROW',
  build: 'BUILD_DEPENDENT',
  libm: 'LIBM_FUNCTION',
  outside: 'OUTSIDE_WORLD',
  user: 'USER_FUNCTION',
  like: 'CASE_SENSITIVE_LIKE',
  bytes: 'TEXT_ENCODING',
}
