import { StemmaError, showPosition } from '@stemma/base'
import { ENTRY_BYTES_MAX, PayloadWriter, type Commit } from '@stemma/log'
import { showValues } from './event-json.ts'
import { rowEvents } from './row-events.ts'
import { schemaEvents } from './schema-events.ts'

/** What events say of where they come from. */
export interface EventSource {
  /** The logical name, which topics begin with. */
  readonly name: string
  /** The name of the database. */
  readonly db: string
}

const UTF8 = new TextEncoder()

/** A writer that has grown beyond this many bytes is not kept for the next commit. */
const WRITER_BYTES_KEPT = 4 * 1024 * 1024

let writer = new PayloadWriter()

/**
 * Writes a commit as lines of JSON: its begin, changes of the schema, rows, its end. The bytes are good until the next call.
 *
 * @throws StemmaError ROWS_UNKNOWN; SNAPSHOT_NEEDED when it would be larger than entries may be
 */
export function encodeEvents(commit: Commit, { name, db }: EventSource, version: number): Uint8Array {
  if (writer.bytes.byteLength > WRITER_BYTES_KEPT) writer = new PayloadWriter()
  writer.length = 0
  const rows = commit.rows()
  const id = showPosition(commit.position)
  const at = Math.trunc(commit.committedAt)
  const sourceOf = (table: string | null): string =>
    `{"version":"${version}","connector":"stemma","name":${JSON.stringify(name)},"ts_ms":${at},"snapshot":"false",` +
    `"db":${JSON.stringify(db)},"table":${JSON.stringify(table)},"position":"${id}"}`

  const transaction = JSON.stringify(`${name}.transaction`)
  const boundary = (status: 'BEGIN' | 'END', count: number | null, collections: readonly object[] | null): void =>
    writeLine(
      `{"topic":${transaction},"key":{"id":"${id}"},"value":{"status":"${status}","id":"${id}","ts_ms":${at},` +
        `"event_count":${count},"data_collections":${JSON.stringify(collections)}}}`,
    )
  boundary('BEGIN', null, null)
  for (const { table, ddl, tableChanges } of schemaEvents(rows)) {
    writeLine(
      `{"topic":${JSON.stringify(name)},"key":{"databaseName":${JSON.stringify(db)}},"value":{"source":${sourceOf(table)},"ts_ms":${at},` +
        `"databaseName":${JSON.stringify(db)},"schemaName":null,"ddl":${JSON.stringify(ddl)},"tableChanges":${JSON.stringify(tableChanges)}}}`,
    )
  }
  let total = 0
  const collections: object[] = []
  for (const table of rows.tables) {
    const topic = JSON.stringify(topicOf(name, table.name))
    const source = sourceOf(table.name)
    let order = 0
    for (const { op, key, before, after } of rowEvents(table, rows.textEncoding)) {
      order++
      writeLine(
        `{"topic":${topic},"key":${showValues(key)},"value":{"before":${showValues(before)},"after":${showValues(after)},` +
          `"source":${source},"op":"${op}","ts_ms":${at},` +
          `"transaction":{"id":"${id}","total_order":${++total},"data_collection_order":${order}}}}`,
      )
    }
    if (order > 0) collections.push({ data_collection: table.name, event_count: order })
  }
  boundary('END', total, collections)
  return writer.bytes.subarray(0, writer.length)
}

/** The topic of a table: what topics can't have in their names is a `_`, as Debezium does it. */
export function topicOf(name: string, table: string): string {
  return `${name}.${table.replaceAll(/[^A-Za-z0-9._-]/g, '_')}`
}

function writeLine(line: string): void {
  // UTF-8 takes three bytes for a UTF-16 unit at most.
  writer.reserve(3 * line.length + 1)
  writer.length += UTF8.encodeInto(line, writer.bytes.subarray(writer.length)).written
  writer.byte(0x0a)
  if (writer.length > ENTRY_BYTES_MAX)
    throw new StemmaError('SNAPSHOT_NEEDED', `a commit of more than ${ENTRY_BYTES_MAX} bytes of events`, {})
}
