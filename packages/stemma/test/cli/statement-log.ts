import { StemmaError } from '@stemma/base'
import { encodeEntry, type Commit, type LoggedStatement, type Safety } from '@stemma/log'
import { loadFormats } from '../../src/formats.ts'
import type { LogReader } from '../../src/log/log-file.ts'

/** A statement that a leader ran, with what it found of it: a code, and the words of the statement that it is about. */
export interface Ran {
  readonly sql: string
  readonly safety?: Safety
  readonly code?: string
  readonly about?: string
  /** By default as the policy `mixed` has it. */
  readonly isRepeatable?: boolean
  readonly placed?: LoggedStatement['placed']
}

/** The log of a leader that keeps statements: each commit is the statements that it ran, or nothing when another program made it. */
export async function statementLog(commits: readonly (readonly Ran[] | undefined)[]): Promise<LogReader> {
  const [format] = await loadFormats(['statement'])
  const entries = commits.map((ran, i) =>
    encodeEntry({
      format: 'statement',
      formatVersion: 1,
      position: { epoch: 1, sequence: i + 1 },
      committedAt: i,
      recovered: false,
      barrier: false,
      digest: BigInt(i + 1),
      digestBefore: BigInt(i),
      payload: format!.encode(commitOf(ran)).slice(),
    }),
  )
  return {
    formats: [{ format: 'statement', oldest: 1, newest: entries.length, bytes: 0 }],
    runs: () => [Buffer.concat(entries)],
    close() {},
  }
}

function commitOf(ran: readonly Ran[] | undefined): Commit {
  const commit: Pick<Commit, 'rows' | 'statements'> = {
    rows: () => ({
      textEncoding: 'utf-8',
      schemaVersion: 1,
      schema: [],
      userVersion: undefined,
      applicationId: undefined,
      tables: [],
    }),
    statements() {
      if (ran === undefined) throw new StemmaError('STATEMENTS_UNKNOWN', 'another program wrote')
      return { schemaVersion: 1, timeZone: 'UTC', statements: ran.map(toLogged) }
    },
  }
  // The format looks at nothing else.
  return commit as Commit
}

function toLogged({ sql, safety = 'safe', code, about = sql, isRepeatable, placed = [] }: Ran): LoggedStatement {
  const start = sql.indexOf(about)
  return {
    sql,
    placed,
    named: undefined,
    settings: {
      foreignKeys: true,
      deferForeignKeys: false,
      recursiveTriggers: false,
      caseSensitiveLike: false,
      ignoreCheckConstraints: false,
      reverseUnorderedSelects: false,
    },
    outcome: { error: undefined, changes: 1, lastInsertRowid: undefined },
    verdict: {
      safety,
      isRepeatable: isRepeatable ?? (safety === 'safe' || safety === 'context'),
      findings: code === undefined ? [] : [{ code, start, end: start + about.length }],
    },
    recorded: undefined,
  }
}
