import type { CommitRows, RowChange, SchemaChange, SchemaObject, TableChanges } from '@stemma/log'
import {
  decodeRecord,
  encodeRecord,
  pagesOf,
  readPayload,
  readSchema,
  walkTree,
  type DatabaseHeader,
  type Pages,
  type SchemaRow,
} from '@stemma/sqlite-file'
import type { TableCatalog } from '../../src/rows/table-catalog.ts'

type WholeDatabase = Pages & { readonly header: DatabaseHeader }

/**
 * What a commit did, found by reading both databases whole. Slow and simple, and made of nothing that finds it out from
 * the pages of a commit: a judge for that.
 */
export function wholeDifference(bytesBefore: Uint8Array, bytesAfter: Uint8Array, catalog: TableCatalog): CommitRows {
  const [before, after] = [pagesOf(bytesBefore), pagesOf(bytesAfter)]
  const { textEncoding, schemaCookie, userVersion, applicationId } = after.header
  const pairs = pairObjects(readOwnSchema(before), readOwnSchema(after))
  return {
    textEncoding,
    schemaVersion: schemaCookie,
    schema: schemaChanges(pairs),
    userVersion: userVersion === before.header.userVersion ? undefined : userVersion,
    applicationId: applicationId === before.header.applicationId ? undefined : applicationId,
    tables: pairs.flatMap((pair) => tableChanges(pair, before, after, catalog)),
  }
}

interface Pair {
  readonly before: SchemaRow | undefined
  readonly after: SchemaRow | undefined
}

function readOwnSchema(pages: WholeDatabase): SchemaRow[] {
  return readSchema(pages, pages.header.textEncoding).filter(({ tableName }) => !tableName.startsWith('_stemma_'))
}

function pairObjects(before: readonly SchemaRow[], after: readonly SchemaRow[]): Pair[] {
  const pairs: Pair[] = []
  const left = new Set(before)
  const come = new Set(after)
  const pair = (isSame: (a: SchemaRow, b: SchemaRow) => boolean): void => {
    for (const b of come) {
      const a = [...left].find((each) => each.kind === b.kind && isSame(each, b))
      if (a === undefined) continue
      left.delete(a)
      come.delete(b)
      pairs.push({ before: a, after: b })
    }
  }
  pair((a, b) => a.rowid === b.rowid && (a.name === b.name || (a.rootPage !== 0 && a.rootPage === b.rootPage)))
  pair((a, b) => a.name === b.name && a.sql === b.sql)
  for (const a of left) pairs.push({ before: a, after: undefined })
  for (const b of [...come].sort((a, b) => Number(a.rowid - b.rowid))) pairs.push({ before: undefined, after: b })
  return pairs
}

function schemaChanges(pairs: readonly Pair[]): SchemaChange[] {
  const drops = pairs.flatMap(({ before, after }): SchemaChange[] =>
    before !== undefined && after === undefined ? [{ kind: 'drop', object: objectOf(before) }] : [],
  )
  const alters = pairs.flatMap(({ before, after }): SchemaChange[] =>
    before !== undefined &&
    after !== undefined &&
    (before.name !== after.name || before.tableName !== after.tableName || before.sql !== after.sql)
      ? [{ kind: 'alter', before: objectOf(before), after: objectOf(after) }]
      : [],
  )
  const creates = pairs.flatMap(({ before, after }): SchemaChange[] =>
    before === undefined && after !== undefined ? [{ kind: 'create', object: objectOf(after) }] : [],
  )
  return [...drops, ...alters, ...creates]
}

function tableChanges(
  { before, after }: Pair,
  pagesBefore: WholeDatabase,
  pagesAfter: WholeDatabase,
  catalog: TableCatalog,
): TableChanges[] {
  if (after === undefined || after.kind !== 'table' || after.rootPage === 0) return []
  const { shape, layout } = catalog.describe({ name: after.name, sql: after.sql! })
  const old = before === undefined ? new Map<string, Row>() : rowsOf(pagesBefore, before, shape.keyCount)
  const now = rowsOf(pagesAfter, after, shape.keyCount)
  const changes: RowChange[] = []
  for (const [key, { rowid, record }] of now) {
    const was = old.get(key)?.record
    if (was !== undefined && Buffer.compare(was, record) === 0) continue
    changes.push({ kind: was === undefined ? 'insert' : 'update', rowid, before: was, after: record, columns: undefined })
  }
  for (const [key, { rowid, record }] of old) {
    if (!now.has(key)) changes.push({ kind: 'delete', rowid, before: record, after: undefined, columns: undefined })
  }
  if (changes.length === 0) return []
  const isOther = before !== undefined && before.sql !== after.sql
  return [
    {
      name: after.name,
      nameBefore: before?.name,
      keyCount: shape.keyCount,
      layout,
      layoutBefore: isOther ? catalog.describe({ name: before.name, sql: before.sql! }).layout : undefined,
      isLayoutNews: true,
      rows: () => changes,
    },
  ]
}

interface Row {
  readonly rowid: bigint
  readonly record: Uint8Array
}

function rowsOf(pages: WholeDatabase, { rootPage }: SchemaRow, keyCount: number): Map<string, Row> {
  const rows = new Map<string, Row>()
  for (const { page, cell } of walkTree(pages, rootPage)) {
    const record = readPayload(pages, page, cell).slice()
    const key =
      keyCount === 0
        ? String(cell.rowid)
        : Buffer.from(encodeRecord(decodeRecord(record, pages.header.textEncoding).slice(0, keyCount))).toString('hex')
    rows.set(key, { rowid: cell.rowid ?? 0n, record })
  }
  return rows
}

function objectOf({ kind, name, tableName, sql, rootPage }: SchemaRow): SchemaObject {
  return { kind, name, tableName, sql, hasTree: rootPage !== 0 }
}
