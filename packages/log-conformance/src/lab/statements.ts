import type { CommitStatements, LoggedStatement, StatementSettings } from '@stemma/log'
import type { SqliteConnection } from '@stemma/storage'

/** What no leader sends as text. */
const UNRECORDED = /^(?:PRAGMA|VACUUM|ANALYZE)\b/

/**
 * Runs statements, and tells of them as a leader that records them would: all are held to be repeatable, since tests run no others.
 *
 * @returns undefined when one of them is of a kind that no leader sends as text
 */
export function runRecorded(connection: SqliteConnection, statements: readonly string[]): CommitStatements | undefined {
  if (statements.some((sql) => UNRECORDED.test(sql))) {
    for (const sql of statements) connection.exec(sql)
    return undefined
  }
  const schemaVersion = Number(readPragma(connection, 'schema_version'))
  const settings = readSettings(connection)
  const logged: LoggedStatement[] = []
  const lastRowid = connection.prepare('SELECT last_insert_rowid() AS id')
  let rowidBefore = lastRowid.get()!['id']
  for (const sql of statements) {
    const changes = connection.prepare(sql).run()
    const rowid = lastRowid.get()!['id'] as bigint
    logged.push({
      sql,
      placed: [],
      named: undefined,
      settings,
      outcome: { error: undefined, changes, lastInsertRowid: rowid === rowidBefore ? undefined : rowid },
      verdict: { safety: 'safe', isRepeatable: true, findings: [] },
      recorded: undefined,
    })
    rowidBefore = rowid
  }
  return { schemaVersion, timeZone: 'UTC', statements: logged }
}

function readSettings(connection: SqliteConnection): StatementSettings {
  const isOn = (name: string): boolean => readPragma(connection, name) === 1n
  return {
    foreignKeys: isOn('foreign_keys'),
    deferForeignKeys: isOn('defer_foreign_keys'),
    recursiveTriggers: isOn('recursive_triggers'),
    caseSensitiveLike: false,
    ignoreCheckConstraints: isOn('ignore_check_constraints'),
    reverseUnorderedSelects: isOn('reverse_unordered_selects'),
  }
}

function readPragma(connection: SqliteConnection, name: string): unknown {
  return Object.values(connection.prepare(`PRAGMA ${name}`).get() ?? {})[0]
}
