import { escapeControls, type CommitRows, type EntryDescription, type SchemaChange, type TableLayout } from '@stemma/log'
import { showName, showValue } from '@stemma/sqlite-file'
import type { ChangesetChange, ChangesetRow, ChangesetTable } from './changeset.ts'
import { decodePayload } from './decode.ts'
import { FACTS_TABLE } from './facts.ts'
import { decodeChangeset } from './read-changeset.ts'
import { columnsOf } from './table-columns.ts'

/** No more changes than these get a line of their own. */
const CHANGES_TOLD = 256

/** Explains a payload to people: what it does to which table, then a line for each change of its changeset. */
export function describePayload(
  payload: Uint8Array,
  version: number,
  layoutOf: (table: string) => TableLayout | undefined = () => undefined,
): EntryDescription {
  const rows = decodePayload(payload, version)
  const changeset = decodeChangeset(payload).filter(({ name }) => name !== FACTS_TABLE)
  const details = [...showSchema(rows), ...showBeside(rows, changeset)]
  const total = changeset.reduce((sum, { count }) => sum + count, 0)
  let told = 0
  for (const table of changeset) {
    const layout = rows.tables.find(({ name }) => name === table.name)?.layout ?? layoutOf(table.name)
    const names = columnNames(table, layout)
    for (const change of table.changes()) {
      if (told++ === CHANGES_TOLD) break
      details.push(`${showName(table.name)}: ${showChange(change, names)}`)
    }
  }
  if (total > CHANGES_TOLD) details.push(`and ${total - CHANGES_TOLD} changes more`)
  const parts = [
    ...(rows.schema.length === 0 ? [] : [plural(rows.schema.length, 'schema change')]),
    ...rows.tables.map((table) => `${showName(table.name)}: ${plural(countOf(table.rows()), 'row')}`),
  ]
  return { summary: [...(parts.length === 0 ? ['no rows'] : parts), `${payload.byteLength} bytes`].join('; '), details }
}

function showSchema({ schema, userVersion, applicationId }: CommitRows): string[] {
  const lines = schema.map(showSchemaChange)
  if (userVersion !== undefined) lines.push(`user_version: ${userVersion}`)
  if (applicationId !== undefined) lines.push(`application_id: ${applicationId}`)
  return lines
}

function showSchemaChange(change: SchemaChange): string {
  const object = change.kind === 'alter' ? change.after : change.object
  const sql = change.kind === 'drop' || object.sql === undefined ? '' : `: ${escapeControls(object.sql.replaceAll(/\s+/g, ' '))}`
  return `${change.kind} ${object.kind} ${showName(object.name)}${sql}`
}

/** The tables of which the changeset tells nothing. */
function showBeside({ tables }: CommitRows, changeset: readonly ChangesetTable[]): string[] {
  const names = new Set(changeset.map(({ name }) => name))
  return tables
    .filter(({ name }) => !names.has(name))
    .map((table) => `${showName(table.name)}: ${plural(countOf(table.rows()), 'row')} beside the changeset`)
}

function columnNames({ key }: ChangesetTable, layout: TableLayout | undefined): string[] {
  const told = layout && columnsOf(layout).told
  return key.map((_, i) => {
    const name = told?.length === key.length ? layout?.columns[told[i]!]?.name : undefined
    return name === undefined ? `column ${i + 1}` : showName(name)
  })
}

function showChange({ operation, before, after }: ChangesetChange, names: readonly string[]): string {
  const show = (row: ChangesetRow, i: number): string => (row[i] === undefined ? '' : showValue(row[i]))
  const parts = names.flatMap((name, i) => {
    const [old, now] = [before?.[i], after?.[i]]
    if (old === undefined && now === undefined) return []
    if (operation === 'update' && now !== undefined) return `${name}=${show(before!, i)} -> ${show(after!, i)}`
    return `${name}=${show((after?.[i] === undefined ? before : after)!, i)}`
  })
  return `${operation} ${parts.join(', ')}`
}

function countOf(rows: Iterable<unknown>): number {
  let count = 0
  for (const _ of rows) count++
  return count
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
