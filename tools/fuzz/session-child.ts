import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'

// Another SQLite than the one that is watched, so in a process of its own: scripts come in, a line each, and what sessions say goes out.

/** What a step of a script did, as SQLite's session extension has it. */
export interface SessionStep {
  readonly failed: boolean
  readonly totalChanges: number
  /** In base 64; undefined within a transaction, and where the schema changed. */
  readonly changeset: string | undefined
}

/** Runs a script on a database in memory, with a session for each transaction. */
function runScript(statements: readonly string[]): SessionStep[] {
  const database = new DatabaseSync(':memory:', { enableForeignKeyConstraints: false, enableDoubleQuotedStringLiterals: true })
  const cookie = database.prepare('PRAGMA schema_version')
  const total = database.prepare('SELECT total_changes() AS n')
  const steps: SessionStep[] = []
  let session = database.createSession()
  let version = Object.values(cookie.get() ?? {})[0]
  for (const sql of statements) {
    let failed = false
    try {
      database.exec(sql)
    } catch {
      failed = true
    }
    let changeset: string | undefined
    if (!database.isTransaction) {
      const now = Object.values(cookie.get() ?? {})[0]
      if (now === version) changeset = changesetOf(session)
      version = now
      session.close()
      session = database.createSession()
    }
    steps.push({ failed, totalChanges: Number(total.get()?.['n']), changeset })
  }
  session.close()
  database.close()
  return steps
}

function changesetOf(session: ReturnType<DatabaseSync['createSession']>): string | undefined {
  try {
    return Buffer.from(session.changeset()).toString('base64')
  } catch {
    return undefined
  }
}

if (import.meta.main) {
  createInterface({ input: process.stdin }).on('line', (line) => {
    process.stdout.write(`${JSON.stringify(runScript(JSON.parse(line) as string[]))}\n`)
  })
}
