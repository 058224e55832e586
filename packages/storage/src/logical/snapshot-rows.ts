import { StemmaError } from '@stemma/base'
import type { CommitRows, RowChange, SchemaChange, SchemaObject, TableChanges } from '@stemma/log'
import {
  DATABASE_HEADER_SIZE,
  decodeDatabaseHeader,
  readPayload,
  readSchema,
  walkTree,
  type DatabaseHeader,
  type Pages,
  type SchemaRow,
} from '@stemma/sqlite-file'
import type { Disk } from '../disk/disk.ts'

// Interior pages and the leaf that is gone through; a chain of overflow pages is read once.
const PAGES_KEPT = 256

/** A database in a file that nobody writes, as pages. */
export function pagesOfFile(disk: Disk, file: number): Pages & { readonly header: DatabaseHeader } {
  const bytes = new Uint8Array(DATABASE_HEADER_SIZE)
  disk.read(file, bytes, 0)
  const start = decodeDatabaseHeader(bytes)
  if (start.kind === 'empty') throw new StemmaError('NOT_A_DATABASE', 'this database is empty', { why: 'empty' })
  const { header } = start
  const { pageSize } = header
  const kept = new Map<number, Uint8Array>()
  return {
    header,
    pageSize,
    usableSize: pageSize - header.reservedBytes,
    pageCount: Math.floor(disk.size(file) / pageSize),
    read(pageNumber) {
      const known = kept.get(pageNumber)
      if (known !== undefined) return known
      const page = new Uint8Array(pageSize)
      disk.read(file, page, (pageNumber - 1) * pageSize)
      if (kept.size >= PAGES_KEPT) kept.delete(kept.keys().next().value!)
      kept.set(pageNumber, page)
      return page
    },
  }
}

/** A whole database as one commit that made it: all that is in its schema is created, and all rows are inserted. */
export function rowsOfDatabase(pages: Pages & { readonly header: DatabaseHeader }): CommitRows {
  const { header } = pages
  const rows = readSchema(pages, header.textEncoding).filter(({ tableName }) => !tableName.startsWith('_stemma_'))
  return {
    textEncoding: header.textEncoding,
    schemaVersion: header.schemaCookie,
    schema: rows.map((row): SchemaChange => ({ kind: 'create', object: objectOf(row) })),
    userVersion: header.userVersion,
    applicationId: header.applicationId,
    tables: rows.filter(({ kind, rootPage }) => kind === 'table' && rootPage !== 0).map((row) => tableOf(row, pages)),
  }
}

function objectOf({ kind, name, tableName, sql, rootPage }: SchemaRow): SchemaObject {
  return { kind, name, tableName, sql, hasTree: rootPage !== 0 }
}

function tableOf({ name, rootPage }: SchemaRow, pages: Pages): TableChanges {
  return {
    name,
    nameBefore: undefined,
    // Whoever writes the rows has the table at hand, and looks there.
    keyCount: 0,
    layout: undefined,
    layoutBefore: undefined,
    isLayoutNews: false,
    *rows(): Generator<RowChange, void, undefined> {
      for (const { page, cell } of walkTree(pages, rootPage)) {
        const after = readPayload(pages, page, cell)
        yield { kind: 'insert', rowid: cell.rowid ?? 0n, before: undefined, after, columns: undefined }
      }
    },
  }
}
