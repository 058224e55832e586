import {
  STATEMENT_CODES,
  newClassifier,
  openSqlitePort,
  splitStatements,
  type CodeEntry,
  type StatementCode,
} from '@stemma/format-statement'
import type { JudgeConnection, JudgeFunctions, StatementJudge } from '@stemma/storage'

/** Has the statements of a leader's program judged by the classifier of the statement format. */
export function openClassifierJudge(connection: JudgeConnection, { own, recordable }: JudgeFunctions): StatementJudge {
  const port = openSqlitePort(connection, { ownFunctions: own, recordableFunctions: () => recordable })
  const classifier = newClassifier(port)
  return {
    judge: (sql, edition) => classifier.classify(sql, edition),
    noteRowid: (rowid) => classifier.noteRowid(rowid),
    explain: (code) => (STATEMENT_CODES as Readonly<Record<string, CodeEntry>>)[code as StatementCode] ?? UNEXPLAINED,
    split: splitStatements,
  }
}

const UNEXPLAINED = { why: 'It may do something else on a copy.', instead: 'See `stemma lint`.' }
