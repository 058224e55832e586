import { setImmediate as nextTurn } from 'node:timers/promises'
import { StemmaError, showPosition } from '@stemma/base'
import type { DecodedEntry, LogFormat, RowFormat } from '@stemma/log'
import { betterSqlite3, type LogStore, type Source } from '@stemma/storage'
import { decodeRun } from '../decode-run.ts'
import { Questions, type Answering, type Question } from '../questions/questions.ts'
import { readCurrentSchema, schemaAt } from '../questions/schema-at.ts'
import { checkSchemaRequest, isPosition } from '../questions/schema-question.ts'
import type { LeaderParts } from '../verify/leader-tables.ts'
import { answerBuckets, answerDigests, answerRows } from '../verify/verify-questions.ts'
import { checkHistory } from './check-history.ts'

/** How much of the log is read at a time, in bytes: then others have their turn. */
const READ_BYTES = 256 * 1024

interface QuestionParts {
  readonly database: string
  readonly log: Pick<LogStore, 'read' | 'entryAt' | 'cluster'>
  readonly formats: readonly LogFormat[]
  source(): Source
}

/** What a leader answers. */
export function leaderQuestions(parts: QuestionParts): Questions {
  const { database, formats } = parts
  const ofTables =
    (answer: (question: Question, tables: LeaderParts) => Promise<unknown>): Answering =>
    async (question, signal) => {
      const format = rowFormatOf(formats)
      await checkPlace(question, format.name, parts)
      const entries = (after: number): AsyncIterable<DecodedEntry> => entriesAfter(parts, after, signal)
      return await answer(question, { database, source: parts.source(), format, signal, entries })
    }
  return new Questions({
    schema: async (question, signal) =>
      await schemaAt(checkSchemaRequest(question), {
        format: rowFormatOf(formats),
        current: () => readCurrentSchema(database, betterSqlite3),
        entries: (after) => entriesAfter(parts, after, signal),
      }),
    held: async (question) => {
      await checkPlace(question, formats[0]!.name, parts)
      return true
    },
    encoding: async () => await Promise.resolve(readCurrentSchema(database, betterSqlite3).textEncoding),
    digests: ofTables(answerDigests),
    buckets: ofTables(answerBuckets),
    rows: ofTables(answerRows),
  })
}

function rowFormatOf(formats: readonly LogFormat[]): RowFormat {
  const format = formats.find((each): each is RowFormat => each.view === 'rows' && each.isFeedOnly !== true)
  if (format === undefined)
    throw new StemmaError('NO_COMMON_FORMAT', 'this leader keeps no log of rows; serve it with --format wal,row')
  return format
}

/** Only a copy of this very history is compared. */
async function checkPlace(question: Question, format: string, { log, source }: QuestionParts): Promise<void> {
  const { cluster, position, digest } = question
  if (!isPosition(position) || typeof digest !== 'string' || !/^[0-9a-f]{16}$/.test(digest))
    throw new StemmaError('BAD_ARGUMENT', 'a question about a copy names its position and digest')
  if (cluster !== log.cluster)
    throw new StemmaError('CLUSTER_MISMATCH', `the copy belongs to another cluster than this leader, ${log.cluster}`)
  // The copy may be ahead of what was read of the WAL here.
  await source().catchUp()
  const answer = checkHistory(log, { format, position, digest: BigInt(`0x${digest}`) }, source().place)
  const at = showPosition(position)
  if (answer.kind === 'not-held')
    throw new StemmaError('HISTORY_DIVERGED', `the copy's place ${at} is not in the leader's history`)
  if (answer.kind === 'not-kept') throw new StemmaError('CANNOT_COMPARE', `the log no longer reaches back to ${at}`)
}

/** The entries of the row log, up to what was committed when this was called at least. */
async function* entriesAfter(
  parts: QuestionParts,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<DecodedEntry, void, undefined> {
  const format = rowFormatOf(parts.formats).name
  await parts.source().catchUp()
  for (let last = after; ;) {
    const read = parts.log.read({ format, after: last, maxBytes: READ_BYTES })
    if (read.kind === 'end') return
    if (read.kind === 'gone') throw new StemmaError('ROWS_UNKNOWN', `the log no longer has what follows commit ${last}`)
    yield* decodeRun(read.run.bytes)
    last = read.run.last
    await nextTurn()
    signal.throwIfAborted()
  }
}
