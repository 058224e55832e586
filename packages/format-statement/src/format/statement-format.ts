import { StemmaError } from '@stemma/base'
import {
  compressBody,
  damagedPayload,
  decompressBody,
  type Commit,
  type CommitStatements,
  type Compressor,
  type EntryDescription,
  type LoggedStatement,
  type RowFormat,
  type RowsReason,
  type StatementFormat,
  type StatementSettings,
  type StatementsOrRows,
  type TableLayout,
} from '@stemma/log'
import { describeReason, describeStatements } from './describe.ts'
import { COMPRESSED, HAS_REASON, HAS_TIME_ZONE, IS_ROWS, REASON_SQL_MAX } from './layout.ts'
import { StatementReader } from './statement-reader.ts'
import { PayloadTooLarge, StatementWriter } from './statement-writer.ts'

/** What a leader does with statements that are not safe to run again; see `openLeader`. */
export type StatementPolicy = 'mixed' | 'record' | 'reject' | 'raw'

/** How commits become entries. What one writes, another reads, whatever its options. */
export interface StatementFormatOptions {
  /** `raw`: statements travel whatever their verdict says, as text and values alone. With all others a commit travels as rows unless each of its statements is repeatable. */
  readonly policy: StatementPolicy
  /** How commits travel that can't travel as statements. */
  readonly rows: RowFormat
  /** What packs large payloads. */
  readonly compressor: Compressor
}

const VERSION = 1
/** A writer that has grown beyond this many bytes is not kept for the next commit. */
const WRITER_BYTES_KEPT = 4 * 1024 * 1024
const NO_ZONE = 'UTC'

/** A commit as the statements that did it, or as rows where statements would not do. What one writes, another reads, whatever its policy. */
export function newStatementFormat({ policy, rows, compressor }: StatementFormatOptions): StatementFormat {
  let writer = new StatementWriter()
  const encodeText = (statements: CommitStatements): Uint8Array | undefined => {
    try {
      if (writer.bytes.byteLength > WRITER_BYTES_KEPT) writer = new StatementWriter()
      writeStatements(writer, statements)
      return compressBody(writer.bytes.subarray(0, writer.length), COMPRESSED, compressor)
    } catch (error) {
      if (error instanceof PayloadTooLarge) return undefined
      throw error
    }
  }
  const open = (payload: Uint8Array, version: number): Opened => {
    checkVersion(version)
    return openPayload(payload, { rows, compressor })
  }
  return {
    name: 'statement',
    version: VERSION,
    reads: [VERSION],
    view: 'statements',
    needsSameSqlite: true,
    encode(commit: Commit): Uint8Array {
      const known = statementsOf(commit)
      const statements = policy === 'raw' && known !== undefined ? bare(known) : known
      const unsafe = policy === 'raw' ? undefined : statements?.statements.find(({ verdict }) => !verdict.isRepeatable)
      const text = statements === undefined || unsafe !== undefined ? undefined : encodeText(statements)
      return text ?? encodeRows(writer, { payload: rows.encode(commit), rows, because: unsafe })
    },
    decode(payload: Uint8Array, version: number): StatementsOrRows {
      const opened = open(payload, version)
      if (opened.kind === 'statements') return opened
      return { kind: 'rows', rows: rows.decode(opened.payload, opened.version), because: opened.because }
    },
    holdsRows: (payload) => (payload[0]! & IS_ROWS) !== 0,
    describe(payload: Uint8Array, version: number, layoutOf?: (table: string) => TableLayout | undefined): EntryDescription {
      const opened = open(payload, version)
      if (opened.kind === 'statements') return describeStatements(opened.statements, payload.byteLength)
      const { summary, details } = rows.describe(opened.payload, opened.version, layoutOf)
      return { summary: `as rows: ${summary}`, details: [...describeReason(opened.because), ...details] }
    },
  }
}

/** The text alone, as those sent it who did not know better: a copy runs it with settings and functions of its own. */
function bare(commit: CommitStatements): CommitStatements {
  return {
    ...commit,
    statements: commit.statements.map((statement) => ({ ...statement, settings: PLAIN_SETTINGS, recorded: undefined })),
  }
}

/** What better-sqlite3 opens connections with. */
const PLAIN_SETTINGS: StatementSettings = {
  foreignKeys: true,
  deferForeignKeys: false,
  recursiveTriggers: false,
  caseSensitiveLike: false,
  ignoreCheckConstraints: false,
  reverseUnorderedSelects: false,
}

function statementsOf(commit: Commit): CommitStatements | undefined {
  try {
    return commit.statements()
  } catch (error) {
    if (StemmaError.is(error) && error.code === 'STATEMENTS_UNKNOWN') return undefined
    throw error
  }
}

function writeStatements(writer: StatementWriter, statements: CommitStatements): void {
  const { schemaVersion, timeZone } = statements
  writer.begin()
  writer.byte(timeZone === NO_ZONE ? 0 : HAS_TIME_ZONE)
  writer.signed(schemaVersion)
  if (timeZone !== NO_ZONE) writer.sql(timeZone)
  writer.statements(statements)
}

function encodeRows(
  writer: StatementWriter,
  what: { readonly payload: Uint8Array; readonly rows: RowFormat; readonly because: LoggedStatement | undefined },
): Uint8Array {
  const { payload, rows, because } = what
  writer.begin()
  writer.byte(IS_ROWS | (because === undefined ? 0 : HAS_REASON))
  writer.text(rows.name)
  writer.number(rows.version)
  if (because !== undefined) {
    writer.sql(because.sql.slice(0, REASON_SQL_MAX))
    writer.findings(because.verdict.findings)
  }
  // Whether it fits into an entry is looked at by whoever makes the entry.
  writer.reserve(payload.byteLength)
  writer.copy(payload, 0, payload.byteLength)
  return writer.bytes.subarray(0, writer.length)
}

type Opened =
  | { readonly kind: 'statements'; readonly statements: CommitStatements }
  | { readonly kind: 'rows'; readonly payload: Uint8Array; readonly version: number; readonly because: RowsReason | undefined }

function openPayload(payload: Uint8Array, parts: { readonly rows: RowFormat; readonly compressor: Compressor }): Opened {
  const flags = payload[0]
  const isRows = flags !== undefined && (flags & IS_ROWS) !== 0
  if (flags === undefined || flags > (isRows ? IS_ROWS | HAS_REASON : HAS_TIME_ZONE | COMPRESSED))
    throw damagedPayload(0, 'an unknown first byte')
  let reader = new StatementReader(payload, 1)
  if (isRows) return openRows(reader, parts.rows, (flags & HAS_REASON) !== 0)
  if ((flags & COMPRESSED) !== 0) reader = new StatementReader(decompressBody(reader, parts.compressor), 0)
  const schemaVersion = reader.signed()
  const timeZone = (flags & HAS_TIME_ZONE) === 0 ? NO_ZONE : reader.sql()
  return { kind: 'statements', statements: { schemaVersion, timeZone, statements: reader.statements() } }
}

function openRows(reader: StatementReader, rows: RowFormat, hasReason: boolean): Opened {
  const name = reader.text()
  const version = reader.varint()
  if (name !== rows.name || !rows.reads.includes(version))
    throw damagedPayload(reader.at, `rows in format ${name} ${version}; known is ${rows.name}`)
  const because = hasReason ? { sql: reader.sql(), findings: reader.findings() } : undefined
  return { kind: 'rows', payload: reader.view(reader.bytes.byteLength - reader.at), version, because }
}

function checkVersion(version: number): void {
  if (version !== VERSION) {
    throw new StemmaError('DAMAGED_ENTRY', `this payload has version ${version} of the statement format, known is ${VERSION}`, {
      version,
    })
  }
}
