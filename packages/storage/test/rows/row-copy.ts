import { type SqliteValue, type TextEncoding } from '@stemma/base'
import type { CommitRows, RowChange, SchemaObject, TableLayout } from '@stemma/log'
import { TableCatalog, betterSqlite3 } from '@stemma/storage'
import { decodeRecord, encodeRecord, pagesOf, readPayload, readSchema, showText, walkTree } from '@stemma/sqlite-file'

interface Table {
  keyCount: number
  layout: TableLayout
  /** By rowid, or by the key's record in hexadecimal. */
  readonly rows: Map<string, Uint8Array>
}

/** A database as rows, kept by applying what commits tell; and it complains when that makes no sense. */
export class RowCopy {
  readonly tables = new Map<string, Table>()
  readonly objects = new Map<string, SchemaObject>()
  readonly #catalog: TableCatalog
  readonly #encoding: TextEncoding
  userVersion: number
  applicationId: number

  /** @param bytes - the database that it begins with */
  constructor(bytes: Uint8Array) {
    const pages = pagesOf(bytes)
    this.#encoding = pages.header.textEncoding
    this.#catalog = new TableCatalog(betterSqlite3, this.#encoding)
    this.userVersion = pages.header.userVersion
    this.applicationId = pages.header.applicationId
    for (const { kind, name, tableName, sql, rootPage } of readSchema(pages, this.#encoding)) {
      if (/^_stemma_/i.test(tableName)) continue
      const hasTree = rootPage !== 0
      this.objects.set(`${kind} ${name}`, { kind, name, tableName, sql, hasTree })
      if (kind !== 'table' || !hasTree) continue
      const table = this.#newTable(name, sql)
      for (const { page, cell } of walkTree(pages, rootPage)) {
        const record = readPayload(pages, page, cell).slice()
        table.rows.set(this.#key(table, cell.rowid ?? 0n, record), record)
      }
      this.tables.set(name, table)
    }
  }

  apply(commit: CommitRows): void {
    expectEqual(commit.textEncoding, this.#encoding, 'the text encoding')
    this.#dropObjects(commit)
    for (const table of commit.tables) {
      if (table.nameBefore === undefined) continue
      const known = this.#table(table.nameBefore)
      if (table.layoutBefore === undefined)
        expectEqual(showLayout(table.layout), showLayout(known.layout), `layout of ${table.name}`)
      else expectEqual(showLayout(table.layoutBefore), showLayout(known.layout), `layout of ${table.name} before`)
      for (const row of table.rows()) this.#takeAway(table.nameBefore, known, row)
    }
    this.#alterObjects(commit)
    for (const table of commit.tables) {
      const known = this.#table(table.name)
      expectEqual(table.keyCount, known.keyCount, `the key of ${table.name}`)
      expectEqual(showLayout(table.layout), showLayout(known.layout), `layout of ${table.name} after`)
      for (const row of table.rows()) this.#put(table.name, known, row)
    }
    this.userVersion = commit.userVersion ?? this.userVersion
    this.applicationId = commit.applicationId ?? this.applicationId
  }

  /** All rows of all tables and the schema, as text. */
  show(): string {
    const lines = [`user_version ${this.userVersion}, application_id ${this.applicationId}`]
    for (const { kind, name, tableName, sql } of this.objects.values()) lines.push(`${kind} ${name} ${tableName} ${sql ?? null}`)
    for (const [name, { layout, rows, keyCount }] of this.tables) {
      for (const [key, record] of rows) {
        const values = valuesOf(record, layout, keyCount > 0 ? 0n : BigInt(key), this.#encoding)
        lines.push(`${name} ${keyCount > 0 ? '' : key} ${values.map(showValue).join(' ')}`)
      }
    }
    return lines.sort().join('\n')
  }

  close(): void {
    this.#catalog.close()
  }

  #dropObjects(commit: CommitRows): void {
    for (const change of commit.schema) {
      if (change.kind !== 'drop') continue
      const { kind, name } = change.object
      expectEqual(this.objects.delete(`${kind} ${name}`), true, `there was ${kind} ${name}`)
      if (kind === 'table') this.tables.delete(name)
    }
  }

  #alterObjects(commit: CommitRows): void {
    const alterations = commit.schema.filter((change) => change.kind === 'alter')
    const moved: [string, Table][] = []
    for (const { before, after } of alterations) {
      expectEqual(this.objects.delete(`${before.kind} ${before.name}`), true, `there was ${before.kind} ${before.name}`)
      const table = before.kind === 'table' ? this.tables.get(before.name) : undefined
      if (table === undefined) continue
      this.tables.delete(before.name)
      table.layout = this.#catalog.describe({ name: after.name, sql: after.sql! }).layout
      moved.push([after.name, table])
    }
    for (const { after } of alterations) this.#add(after)
    for (const [name, table] of moved) this.tables.set(name, table)
    for (const change of commit.schema) {
      if (change.kind !== 'create') continue
      this.#add(change.object)
      const { kind, name, sql, hasTree } = change.object
      if (kind === 'table' && hasTree) this.tables.set(name, this.#newTable(name, sql))
    }
  }

  #add(object: SchemaObject): void {
    const key = `${object.kind} ${object.name}`
    expectEqual(this.objects.has(key), false, `there already was ${key}`)
    this.objects.set(key, object)
  }

  #newTable(name: string, sql: string | undefined): Table {
    const { layout, shape } = this.#catalog.describe({ name, sql: sql! })
    return { keyCount: shape.keyCount, layout, rows: new Map() }
  }

  #table(name: string): Table {
    const table = this.tables.get(name)
    if (table === undefined) throw new Error(`rows of ${name}, which is not there`)
    return table
  }

  #takeAway(name: string, table: Table, { kind, rowid, before }: RowChange): void {
    if (kind === 'insert') return expectEqual(before, undefined, `an insert into ${name} has a row before`)
    const key = this.#key(table, rowid, before!)
    expectEqual(hex(table.rows.get(key)), hex(before), `row ${key} of ${name} before`)
    table.rows.delete(key)
  }

  #put(name: string, table: Table, { kind, rowid, before, after }: RowChange): void {
    if (kind === 'delete') return expectEqual(after, undefined, `a delete from ${name} has a row after`)
    if (kind === 'update') expectEqual(hex(before) === hex(after), false, `row ${rowid} of ${name} is the same before and after`)
    const key = this.#key(table, rowid, after!)
    expectEqual(table.rows.has(key), false, `row ${key} of ${name} was there`)
    table.rows.set(key, after!.slice())
  }

  #key({ keyCount }: Table, rowid: bigint, record: Uint8Array): string {
    if (keyCount === 0) return String(rowid)
    return hex(encodeRecord(decodeRecord(record, this.#encoding).slice(0, keyCount)))!
  }
}

/** What a record says, by its layout. */
function valuesOf(record: Uint8Array, layout: TableLayout, rowid: bigint, encoding: TextEncoding): SqliteValue[] {
  const stored = decodeRecord(record, encoding)
  return layout.columns.map(({ affinity, defaultValue }, i) => {
    if (i === layout.rowidColumn) return rowid
    const value = i < stored.length ? stored[i]! : defaultValue
    return affinity === 'real' && typeof value === 'bigint' ? Number(value) : value
  })
}

export function showValue(value: SqliteValue | string): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof Uint8Array) return `x'${hex(value)}'`
  if (typeof value === 'number') return Object.is(value, -0) ? '-0.0' : Number.isInteger(value) ? `${value}.0` : String(value)
  return typeof value === 'object' && value !== null ? JSON.stringify(showText(value)) : String(value)
}

function showLayout(layout: TableLayout | undefined): string {
  return JSON.stringify(layout, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
}

function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('hex')
}

function expectEqual(found: unknown, wanted: unknown, what: string): void {
  if (found !== wanted) throw new Error(`${what}: ${String(found)} instead of ${String(wanted)}`)
}
