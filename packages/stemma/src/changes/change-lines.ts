import { showPosition, type SqliteText } from '@stemma/base'
import type { SchemaChange, SchemaObject } from '@stemma/log'
import type { ChangeCommit, ChangedRow } from './change-commit.ts'
import type { ChangeValue, ChangeValues } from './row-values.ts'

/**
 * A commit as lines of JSON, without line ends: what is described in docs/changes.md, and as stable as that says. The last line is the
 * commit's own.
 */
export function* showCommit(commit: ChangeCommit): Generator<string, void, undefined> {
  const position = showPosition(commit.position)
  const at = new Date(commit.committedAt).toISOString()
  const common = `"position":"${position}","at":"${at}"`
  if (commit.gap !== undefined) yield `{"kind":"gap",${common},"why":${JSON.stringify(commit.gap)}}`
  for (const change of commit.schema) yield `{"kind":"schema",${common},${showSchemaChange(change)}}`
  if (commit.userVersion !== undefined) yield `{"kind":"pragma",${common},"name":"user_version","value":${commit.userVersion}}`
  if (commit.applicationId !== undefined)
    yield `{"kind":"pragma",${common},"name":"application_id","value":${commit.applicationId}}`
  let rows = 0
  for (const row of commit.rows) {
    rows++
    yield showRow(row, common)
  }
  yield `{"kind":"commit",${common},"rows":${rows}}`
}

function showRow(row: ChangedRow, common: string): string {
  const fields = [
    `"kind":"row",${common},"operation":"${row.operation}","table":${JSON.stringify(row.table)}`,
    ...(row.rowid === undefined ? [] : [`"rowid":${showInteger(row.rowid)}`]),
    `"key":${showValues(row.key)}`,
    ...(row.old === undefined ? [] : [`"old":${showValues(row.old)}`]),
    ...(row.new === undefined ? [] : [`"new":${showValues(row.new)}`]),
  ]
  return `{${fields.join(',')}}`
}

function showSchemaChange(change: SchemaChange): string {
  if (change.kind !== 'alter') return `"operation":"${change.kind}",${showObject(change.object)}`
  return `"operation":"alter",${showObject(change.after)},"before":{${showObject(change.before)}}`
}

function showObject({ kind, name, tableName, sql }: SchemaObject): string {
  const text = sql === undefined ? 'null' : JSON.stringify(sql)
  return `"object":"${kind}","name":${JSON.stringify(name)},"table":${JSON.stringify(tableName)},"sql":${text}`
}

/** Values by their names, as a JSON object. */
export function showValues(values: ChangeValues): string {
  return `{${Object.entries(values)
    .map(([name, value]) => `${JSON.stringify(name)}:${showChangeValue(value)}`)
    .join(',')}}`
}

/** A value as JSON from which it can be had back: integers have no point and no exponent, reals always have one. */
export function showChangeValue(value: ChangeValue): string {
  if (typeof value === 'bigint') return showInteger(value)
  if (typeof value === 'number') return showReal(value)
  if (value === null || typeof value === 'string') return JSON.stringify(value)
  return value instanceof Uint8Array ? `{"blob":"${base64(value)}"}` : showBrokenText(value)
}

/** Many programs read numbers of JSON as doubles: what a double can't hold is written as text. */
function showInteger(value: bigint): string {
  return value >= -MAX_SAFE && value <= MAX_SAFE ? String(value) : `{"integer":"${value}"}`
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER)

function showReal(value: number): string {
  if (!Number.isFinite(value)) return `{"real":"${value > 0 ? 'inf' : '-inf'}"}`
  const text = Object.is(value, -0) ? '-0' : String(value)
  return /[.e]/.test(text) ? text : `${text}.0`
}

function showBrokenText({ bytes, encoding }: SqliteText): string {
  return `{"text":"${base64(bytes)}","encoding":"${encoding}"}`
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
