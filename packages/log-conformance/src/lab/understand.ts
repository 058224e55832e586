import type { Commit, CommitRows, EntryDescription, LogFormat, RowChange, TableChanges } from '@stemma/log'
import { EndlessError } from './endless.ts'
import { MemoryTarget } from './memory-target.ts'

/** A payload, and how to read it. */
export interface Payload {
  readonly bytes: Uint8Array
  readonly version: number
  /** Of the database that it came from, in bytes. */
  readonly pageSize: number
}

/** Not `slice`, which copies nothing of a Buffer. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

/** What a format makes of a commit. */
export function payloadOf(format: LogFormat, commit: Commit): Payload {
  return { bytes: copyOf(format.encode(commit)), version: format.version, pageSize: commit.pageSize }
}

/** Rows that a payload may tell before it is said to go on for ever: each takes a byte of the payload at least. */
const ROWS_MAX = 1_000_000

/** What people ask of a payload, each by a name. */
export type Use = 'apply' | 'decode' | 'describe'

/** What can be asked of a payload of this format. */
export function usesOf(format: LogFormat): readonly Use[] {
  if ('apply' in format) return ['apply', 'describe']
  return 'decode' in format ? ['decode', 'describe'] : ['describe']
}

/**
 * Uses a payload to the end: all rows are gone through, all pages written. Gives what it came to as text, which is equal for two
 * payloads that do the same.
 */
export function use(format: LogFormat, payload: Payload, how: Use): string {
  const { bytes, version, pageSize } = payload
  if (how === 'apply' && 'apply' in format) {
    const target = new MemoryTarget(pageSize)
    format.apply(bytes, version, target)
    return target.show()
  }
  if (how === 'decode' && 'decode' in format) {
    const decoded = format.decode(bytes, version)
    if (!('kind' in decoded)) return showRows(decoded)
    return decoded.kind === 'rows' ? showRows(decoded.rows) : showPlain(decoded.statements)
  }
  return showDescription(format.describe(bytes, version))
}

/** The same by all the ways that there are. */
export function useAll(format: LogFormat, payload: Payload): string {
  return usesOf(format)
    .map((how) => use(format, payload, how))
    .join('\n')
}

/** All that rows say, as text. */
export function showRows(rows: CommitRows): string {
  const lines = [showPlain({ ...rows, tables: undefined })]
  for (const table of rows.tables) lines.push(showTable(table))
  return lines.join('\n')
}

function showTable(table: TableChanges): string {
  const lines = [showPlain({ ...table, rows: undefined })]
  let count = 0
  for (const row of table.rows()) {
    if (++count > ROWS_MAX) throw new EndlessError(`the payload tells more than ${ROWS_MAX} rows`)
    lines.push(showRow(row))
  }
  return lines.join('\n')
}

function showRow({ kind, rowid, before, after, columns }: RowChange): string {
  return `${kind} ${rowid} ${before === undefined ? '' : showBytes(before)} > ${after === undefined ? '' : showBytes(after)} ${columns?.join() ?? ''}`
}

function showDescription({ summary, details }: EntryDescription): string {
  return [summary, ...details].join('\n')
}

/** A value of any depth as text; undefined where a property is missing. */
export function showPlain(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (each instanceof Uint8Array) return `bytes ${showBytes(each)}`
    // Buffer turns itself into something else before it comes here.
    if (isJsonOfBuffer(each)) return `bytes ${showBytes(Uint8Array.from(each.data))}`
    if (typeof each === 'bigint') return `integer ${each}`
    if (typeof each === 'number') return `number ${Object.is(each, -0) ? '-0' : each}`
    return each
  })
}

function isJsonOfBuffer(value: unknown): value is { readonly data: readonly number[] } {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value
}

export function showBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}
