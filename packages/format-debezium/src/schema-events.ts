import type { CommitRows, SchemaChange, SchemaObject, TableLayout } from '@stemma/log'

/** One event about the schema, less what all events of its commit have. */
export interface SchemaEvent {
  /** The table that it is about; null for what is about none. */
  readonly table: string | null
  readonly ddl: string | null
  readonly tableChanges: readonly object[]
}

const TYPES = { create: 'CREATE', alter: 'ALTER', drop: 'DROP' } as const

/** The events about the schema, in order; and what the commit did to pragmas that are part of the database. */
export function schemaEvents({ schema, tables, userVersion, applicationId }: CommitRows): SchemaEvent[] {
  const layouts = new Map(tables.map(({ name, layout }) => [name, layout]))
  const events = schema.map((change) => schemaEvent(change, layouts))
  if (userVersion !== undefined) events.push(pragmaEvent('user_version', userVersion))
  if (applicationId !== undefined) events.push(pragmaEvent('application_id', applicationId))
  return events
}

function schemaEvent(change: SchemaChange, layouts: ReadonlyMap<string, TableLayout | undefined>): SchemaEvent {
  const object = change.kind === 'alter' ? change.after : change.object
  const { kind, name, tableName } = object
  const table = change.kind === 'drop' ? undefined : layouts.get(name)
  const changes =
    kind === 'table'
      ? [
          {
            type: TYPES[change.kind],
            id: quote(name),
            ...(change.kind === 'alter' && change.before.name !== name ? { previousId: quote(change.before.name) } : {}),
            table: table === undefined ? null : showLayout(table),
          },
        ]
      : []
  return { table: tableName, ddl: ddlOf(change.kind, object), tableChanges: changes }
}

/** SQLite keeps the SQL that would make the object as it is now, not the statement that was run. */
function ddlOf(change: SchemaChange['kind'], { kind, name, sql }: SchemaObject): string | null {
  return change === 'drop' ? `DROP ${kind.toUpperCase()} ${quote(name)}` : (sql ?? null)
}

function showLayout({ columns, primaryKey, declaredOrder }: TableLayout): object {
  const order = declaredOrder ?? columns.map((_, index) => index)
  return {
    defaultCharsetName: null,
    primaryKeyColumnNames: primaryKey.map((index) => columns[index]!.name),
    columns: order.map((index, i) => {
      const { name, affinity, isGenerated } = columns[index]!
      return { name, typeName: affinity.toUpperCase(), position: i + 1, generated: isGenerated }
    }),
  }
}

function pragmaEvent(name: string, value: number): SchemaEvent {
  return { table: null, ddl: `PRAGMA ${name} = ${value}`, tableChanges: [] }
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
