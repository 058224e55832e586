import type { CommitRows, RowChange, RowFormat, TableChanges } from '@stemma/log'

/** A format that holds a commit's rows as JSON: nothing of it is shared with the real one. */
export const jsonRows: RowFormat = {
  name: 'json-rows',
  version: 1,
  reads: [1],
  view: 'rows',
  encode: () => {
    throw new Error('the test leader encodes by itself')
  },
  decode: (payload) => decodeRows(payload),
  describe: () => ({ summary: '', details: [] }),
}

export function encodeRows(commit: CommitRows): Uint8Array {
  const tables = commit.tables.map((table) => ({
    ...table,
    layout: undefined,
    layoutBefore: table.layoutBefore === undefined ? undefined : {},
    rows: [...table.rows()].map(({ rowid, before, after, ...rest }) => ({
      ...rest,
      rowid: String(rowid),
      before: before && Buffer.from(before).toString('base64'),
      after: after && Buffer.from(after).toString('base64'),
    })),
  }))
  return Buffer.from(JSON.stringify({ ...commit, tables }))
}

function decodeRows(payload: Uint8Array): CommitRows {
  const commit = JSON.parse(Buffer.from(payload).toString()) as Omit<CommitRows, 'tables'> & { readonly tables: JsonTable[] }
  return {
    ...commit,
    userVersion: commit.userVersion,
    applicationId: commit.applicationId,
    tables: commit.tables.map((table): TableChanges => ({ ...table, rows: () => table.rows.map(rowOf) })),
  }
}

type JsonRow = Omit<RowChange, 'rowid' | 'before' | 'after'> & {
  readonly rowid: string
  readonly before?: string
  readonly after?: string
}
type JsonTable = Omit<TableChanges, 'rows'> & { readonly rows: JsonRow[] }

function rowOf({ rowid, before, after, ...rest }: JsonRow): RowChange {
  return {
    ...rest,
    columns: rest.columns,
    rowid: BigInt(rowid),
    before: before === undefined ? undefined : Buffer.from(before, 'base64'),
    after: after === undefined ? undefined : Buffer.from(after, 'base64'),
  }
}
