import type { SqliteValue, TextEncoding } from '@stemma/base'
import {
  damagedPayload,
  escapeControls,
  type CommitRows,
  type RowChange,
  type RowFormat,
  type SchemaChange,
  type SchemaObject,
  type TableChanges,
} from '@stemma/log'
import { decodeRecord, encodeRecord, newText, showText } from '@stemma/sqlite-file'
import { integer, list, number, object, oneOf, optional, text, type Fields } from './checks.ts'

/** A commit as lines of JSON: what changed in the schema, then each table, and behind it a line for each row. */
export const jsonLines: RowFormat = {
  name: 'json-lines',
  version: 1,
  reads: [1],
  view: 'rows',
  encode: (commit) => new TextEncoder().encode([...writeCommit(commit.rows())].map((line) => JSON.stringify(line)).join('\n')),
  decode(payload, version) {
    if (version !== 1) throw damagedPayload(0, `version ${version}, known is 1`)
    try {
      return readCommit(linesOf(payload).map((line): unknown => JSON.parse(line)))
    } catch (cause) {
      throw damagedPayload(0, 'these are not the lines that they should be', cause)
    }
  },
  describe(payload, version) {
    const { schema, tables } = jsonLines.decode(payload, version)
    const names = tables.map(({ name }) => name).join(', ')
    const summary = escapeControls(
      `${schema.length} schema changes; rows of ${names === '' ? 'no table' : names}; ${payload.byteLength} bytes`,
    )
    return { summary, details: linesOf(payload).slice(0, 100).map(escapeControls) }
  },
}

function* writeCommit({ tables, ...head }: CommitRows): Generator<unknown, void, void> {
  yield head
  for (const { name, nameBefore, keyCount, rows } of tables) {
    yield { table: name, was: nameBefore, keyCount }
    for (const { kind, rowid, before, after } of rows())
      yield {
        [kind]: String(rowid),
        before: before && writeRow(before, head.textEncoding),
        after: after && writeRow(after, head.textEncoding),
      }
  }
}

function readCommit([first, ...lines]: readonly unknown[]): CommitRows {
  const head = object(first)
  const textEncoding = oneOf(['utf-8', 'utf-16le', 'utf-16be'], head['textEncoding'])
  const tables: (TableChanges & { readonly held: RowChange[] })[] = []
  for (const line of lines.map(object)) {
    if ('table' in line) tables.push(readTable(line))
    else tables.at(-1)!.held.push(readRow(line, textEncoding))
  }
  return {
    textEncoding,
    schemaVersion: number(head['schemaVersion']),
    schema: list(head['schema']).map(readChange),
    userVersion: optional(number, head['userVersion']),
    applicationId: optional(number, head['applicationId']),
    tables,
  }
}

function readTable(line: Fields): TableChanges & { readonly held: RowChange[] } {
  const [held, name, nameBefore] = [[] as RowChange[], text(line['table']), optional(text, line['was'])]
  const unknown = { layout: undefined, layoutBefore: undefined, isLayoutNews: false }
  return { name, nameBefore, keyCount: number(line['keyCount']), ...unknown, held, rows: () => held }
}

function readRow(line: Fields, encoding: TextEncoding): RowChange {
  const kind = oneOf(['insert', 'update', 'delete'], Object.keys(line)[0])
  const read = (values: unknown): Uint8Array => encodeRecord(list(values).map((value) => readValue(value, encoding)))
  const row = {
    kind,
    rowid: integer(text(line[kind])),
    before: optional(read, line['before']),
    after: optional(read, line['after']),
    columns: undefined,
  }
  if ((row.before === undefined) !== (kind === 'insert') || (row.after === undefined) !== (kind === 'delete'))
    throw new Error('half a row')
  return row
}

function readChange(change: unknown): SchemaChange {
  const fields = object(change)
  const kind = oneOf(['create', 'drop', 'alter'], fields['kind'])
  if (kind === 'alter') return { kind, before: readObject(fields['before']), after: readObject(fields['after']) }
  return { kind, object: readObject(fields['object']) }
}

function readObject(value: unknown): SchemaObject {
  const { kind, name, tableName, sql, hasTree } = object(value)
  return {
    kind: oneOf(['table', 'index', 'view', 'trigger'], kind),
    name: text(name),
    tableName: text(tableName),
    sql: optional(text, sql),
    hasTree: hasTree === true,
  }
}

const linesOf = (payload: Uint8Array): string[] => Buffer.from(payload).toString().split('\n')
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** NULL is null. All else is a letter and the rest: `i7`, `r0.5`, `thello`, `bff00`, and `x` before the bytes of a text that is none. */
function writeRow(record: Uint8Array, encoding: TextEncoding): (string | null)[] {
  return decodeRecord(record, encoding).map((value) => {
    if (value === null) return null
    if (typeof value === 'bigint') return `i${value}`
    if (typeof value === 'number') return `r${Object.is(value, -0) ? '-0' : value}`
    if (value instanceof Uint8Array) return `b${hex(value)}`
    const shown = showText(value)
    return hex(newText(shown, encoding).bytes) === hex(value.bytes) ? `t${shown}` : `x${hex(value.bytes)}`
  })
}

function readValue(value: unknown, encoding: TextEncoding): SqliteValue {
  if (value === null) return null
  const [letter, rest] = [text(value).slice(0, 1), text(value).slice(1)]
  if (letter === 'i') return integer(rest)
  if (letter === 'r' && !Number.isNaN(Number(rest))) return Number(rest)
  if (letter === 't') return newText(rest, encoding)
  const bytes = Buffer.from(rest, 'hex')
  if (hex(bytes) === rest && letter === 'b') return bytes
  if (hex(bytes) === rest && letter === 'x') return { kind: 'text', encoding, bytes }
  throw new Error(`no value: ${rest}`)
}

/** What `stemma serve --format ./json-lines.ts` looks for. */
export { jsonLines as format }
