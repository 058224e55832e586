import { deserialize, serialize } from 'node:v8'
import { StemmaError, checksum32 } from '@stemma/base'
import type {
  Commit,
  CommitRows,
  EntryDescription,
  FeedFormat,
  PageFormat,
  PageTarget,
  RowChange,
  RowFormat,
  RowsReason,
  StatementFormat,
  StatementsOrRows,
  TableChanges,
} from '@stemma/log'

// Sound formats in as few lines as can be. A checksum of their own stands before what they hold, so they need not look at it.

const VERSION = 1

/** A checksum and what it is of. */
export function seal(value: unknown): Uint8Array {
  const body = serialize(value)
  const bytes = Buffer.alloc(4 + body.byteLength)
  bytes.writeUInt32LE(checksum32(body))
  bytes.set(body, 4)
  return bytes
}

/** @throws StemmaError DAMAGED_ENTRY */
export function unseal(payload: Uint8Array): unknown {
  const bytes = Buffer.from(payload)
  if (bytes.byteLength < 5 || bytes.readUInt32LE() !== checksum32(bytes.subarray(4))) throw damaged('its checksum does not match')
  return deserialize(bytes.subarray(4))
}

export function damaged(why: string): StemmaError {
  return new StemmaError('DAMAGED_ENTRY', `this payload makes no sense: ${why}`)
}

export function checkVersion(version: number, known: number = VERSION): void {
  if (version !== known) throw damaged(`it has version ${version}`)
}

export function describeSize(payload: Uint8Array, version: number): EntryDescription {
  checkVersion(version)
  unseal(payload)
  return { summary: `${payload.byteLength} bytes`, details: [] }
}

/** Rows that are held, of tables that are held. */
export interface HeldRows extends Omit<CommitRows, 'tables'> {
  readonly tables: readonly HeldTable[]
}

export interface HeldTable extends Omit<TableChanges, 'rows'> {
  readonly held: readonly RowChange[]
}

/** A copy of rows that outlives the commit. */
export function holdRows(rows: CommitRows): HeldRows {
  return { ...rows, tables: rows.tables.map(({ rows: each, ...table }) => ({ ...table, held: Array.from(each(), holdRow) })) }
}

function holdRow(row: RowChange): RowChange {
  return { ...row, before: row.before && new Uint8Array(row.before), after: row.after && new Uint8Array(row.after) }
}

export function tellRows({ tables, ...rows }: HeldRows): CommitRows {
  return { ...rows, tables: tables.map(({ held, ...table }) => ({ ...table, rows: () => held })) }
}

export const plainRows: RowFormat = {
  name: 'plain-rows',
  version: VERSION,
  reads: [VERSION],
  view: 'rows',
  encode: (commit) => seal(holdRows(commit.rows())),
  decode(payload, version) {
    checkVersion(version)
    return tellRows(unseal(payload) as HeldRows)
  },
  describe: describeSize,
}

/** The same, with payloads of its own version that begin with another byte. */
export const plainRowsOfTwo: RowFormat = {
  ...plainRows,
  version: 2,
  reads: [1, 2],
  encode: (commit) => Buffer.concat([Uint8Array.of(2), plainRows.encode(commit)]),
  decode: (payload, version) => (version === 2 ? plainRows.decode(payload.subarray(1), 1) : plainRows.decode(payload, version)),
}

/** Rows that are only read. */
export const plainFeed: FeedFormat = {
  name: 'plain-feed',
  version: VERSION,
  reads: [VERSION],
  view: 'rows',
  isFeedOnly: true,
  encode: plainRows.encode,
  describe(payload, version) {
    const { tables } = plainRows.decode(payload, version)
    const rows = tables.flatMap((table) => Array.from(table.rows(), (row) => Buffer.from(serialize(row)).toString('hex')))
    return { summary: `${payload.byteLength} bytes`, details: rows.slice(0, 100) }
  },
}

interface HeldPages {
  readonly pageCount: number
  readonly pages: readonly (readonly [pageNumber: number, sum: number, bytes: Uint8Array])[]
}

export const plainPages: PageFormat = {
  name: 'plain-pages',
  version: VERSION,
  reads: [VERSION],
  view: 'pages',
  encode: (commit) => seal(holdPages(commit)),
  apply(payload, version, target) {
    checkVersion(version)
    putPages(unseal(payload) as HeldPages, target)
  },
  describe: describeSize,
}

export function holdPages(commit: Commit): HeldPages {
  const pages = commit
    .pages()
    .map(({ pageNumber, after, sum }) => [pageNumber, Number(sum & 0xffffffffn), new Uint8Array(after)] as const)
  return { pageCount: commit.pageCount, pages }
}

export function putPages({ pageCount, pages }: HeldPages, target: PageTarget): void {
  target.setPageCount(pageCount)
  for (const [pageNumber, sum, bytes] of pages) {
    if (bytes.byteLength !== target.pageSize) throw damaged('a page of another size')
    target.page(pageNumber).set(bytes)
    target.expect(pageNumber, sum)
  }
}

export const plainStatements: StatementFormat = {
  name: 'plain-statements',
  version: VERSION,
  reads: [VERSION],
  view: 'statements',
  needsSameSqlite: true,
  encode: (commit) => seal(holdStatements(commit)),
  decode(payload, version) {
    checkVersion(version)
    const held = unseal(payload) as HeldStatements
    return held.kind === 'statements' ? held : { ...held, rows: tellRows(held.rows) }
  },
  describe: describeSize,
}

type HeldStatements =
  | Extract<StatementsOrRows, { readonly kind: 'statements' }>
  | { readonly kind: 'rows'; readonly rows: HeldRows; readonly because: RowsReason | undefined }

export function holdStatements(commit: Commit): HeldStatements {
  let because: RowsReason | undefined
  try {
    const statements = commit.statements()
    const unsafe = statements.statements.find(({ verdict }) => !verdict.isRepeatable)
    if (unsafe === undefined) return { kind: 'statements', statements }
    because = { sql: unsafe.sql, findings: unsafe.verdict.findings }
  } catch (error) {
    if (!StemmaError.is(error, 'STATEMENTS_UNKNOWN')) throw error
  }
  return { kind: 'rows', rows: holdRows(commit.rows()), because }
}
