import { useState } from 'preact/hooks'
import type { SqlResult, StageState } from '../src/wire.ts'
import { AskButton } from './ask-button.tsx'
import { ask } from './live.ts'
import { showCount, showMs } from './show.ts'

const FIRST = 'SELECT item, count FROM stock ORDER BY item LIMIT 10'

/** Any SQL: run on the leader, and asked of everybody. */
export function SqlView({ state }: { state: StageState }) {
  const [sql, setSql] = useState(state.isOwn ? 'SELECT name, sql FROM sqlite_schema' : FIRST)
  const [answers, setAnswers] = useState<readonly Answer[]>([])
  const nodes = ['leader', ...state.followers.filter(({ state: phase }) => phase === 'following').map(({ id }) => id)]
  const run = async (where: readonly string[]): Promise<void> => {
    setAnswers(await Promise.all(where.map((node) => answerOf(node, sql))))
  }
  return (
    <>
      <section class="control" aria-label="SQL">
        <label class="wide">
          SQL
          <textarea rows={5} spellcheck={false} value={sql} onInput={(event) => setSql(event.currentTarget.value)} />
        </label>
        <AskButton class="main" act={() => run(['leader'])}>
          Run on the leader
        </AskButton>
        <AskButton act={() => run(nodes)}>Ask everybody</AskButton>
        <p class="quiet">Followers are read-only: what would write there is refused, and says who the leader is.</p>
      </section>
      <div class="answers">
        {answers.map((answer) => (
          <section key={answer.node} data-answer={answer.node}>
            <h2>{answer.node}</h2>
            {answer.error === undefined ? <Table result={answer.result} first={answers[0]} /> : <p class="bad">{answer.error}</p>}
          </section>
        ))}
      </div>
    </>
  )
}

interface Answer {
  readonly node: string
  readonly result: SqlResult | undefined
  readonly error: string | undefined
}

async function answerOf(node: string, sql: string): Promise<Answer> {
  try {
    return { node, result: await ask<SqlResult>('sql', { node, sql }), error: undefined }
  } catch (error) {
    return { node, result: undefined, error: error instanceof Error ? error.message : String(error) }
  }
}

/** A result; cells that are not as in the first answer are marked. */
function Table({ result, first }: { result: SqlResult | undefined; first: Answer | undefined }) {
  if (result === undefined) return null
  const { columns, rows, changes, tookMs } = result
  const differs = (row: number, column: number): boolean =>
    first?.result !== undefined && first.result.rows[row]?.[column] !== rows[row]?.[column]
  return (
    <>
      {columns.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Rows">
          <table>
            <thead>
              <tr>
                {columns.map((name, index) => (
                  <th key={`${index} ${name}`} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row, at) => (
                <tr key={at}>
                  {row.map((value, column) => (
                    <td key={columns[column]} class={differs(at, column) ? 'differs' : ''}>
                      {value ?? <span class="quiet">NULL</span>}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <p class="quiet">
        {columns.length > 0 ? `${rows.length} rows` : `${showCount(changes)} rows changed`}, {showMs(tookMs)}
      </p>
    </>
  )
}
