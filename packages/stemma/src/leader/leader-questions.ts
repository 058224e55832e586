import { setImmediate as nextTurn } from 'node:timers/promises'
import { StemmaError } from '@stemma/base'
import type { DecodedEntry, LogFormat, RowFormat } from '@stemma/log'
import { betterSqlite3, type LogStore, type Source } from '@stemma/storage'
import { decodeRun } from '../decode-run.ts'
import { Questions } from '../questions/questions.ts'
import { readCurrentSchema, schemaAt } from '../questions/schema-at.ts'
import { checkSchemaRequest } from '../questions/schema-question.ts'

/** How much of the log is read at a time, in bytes: then others have their turn. */
const READ_BYTES = 256 * 1024

interface QuestionParts {
  readonly database: string
  readonly log: Pick<LogStore, 'read'>
  readonly formats: readonly LogFormat[]
  source(): Source
}

/** What a leader answers. */
export function leaderQuestions(parts: QuestionParts): Questions {
  const { database } = parts
  return new Questions({
    schema: async (question, signal) =>
      await schemaAt(checkSchemaRequest(question), {
        format: rowFormatOf(parts.formats),
        current: () => readCurrentSchema(database, betterSqlite3),
        entries: (after) => entriesAfter(parts, after, signal),
      }),
  })
}

function rowFormatOf(formats: readonly LogFormat[]): RowFormat {
  const format = formats.find((each) => each.view === 'rows')
  if (format?.view !== 'rows')
    throw new StemmaError('NO_COMMON_FORMAT', 'this leader keeps no log of rows; serve it with --format wal,row')
  return format
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
