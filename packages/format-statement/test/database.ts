import Database from 'better-sqlite3'
import { type Verdict, newClassifier, openSqlitePort, schemaVersionOf } from '../src/index.ts'

/** The verdict on a statement, in a database in memory that was set up by a script. */
export function classifyIn(setup: string, statement: string, userFunctions: readonly string[] = []): Verdict {
  const database = new Database(':memory:')
  try {
    for (const name of userFunctions) database.function(name, (value) => value)
    database.exec(setup)
    return newClassifier(openSqlitePort(database)).classify(statement, schemaVersionOf(database))
  } finally {
    database.close()
  }
}
