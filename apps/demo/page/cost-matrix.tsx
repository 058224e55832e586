import type { Comparison, ComparisonRow } from '../src/wire.ts'
import { lookOf } from './colours.ts'
import { showBytes } from './show.ts'

/** What all workloads that ran take in each format: which format is small for what. */
export function CostMatrix({ comparisons, onChoose }: { comparisons: readonly Comparison[]; onChoose: (id: number) => void }) {
  if (comparisons.length < 2) return null
  const followers = new Map<string, ComparisonRow>()
  for (const { rows } of comparisons) for (const row of rows) followers.set(row.follower, row)
  return (
    <section>
      <h2>Bytes a commit, of all that ran</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Bytes a commit of all comparisons">
        <table class="matrix">
          <thead>
            <tr>
              <th scope="col">Workload</th>
              {[...followers.values()].map(({ follower, kind }) => (
                <th key={follower} scope="col" style={{ '--kind': `var(${lookOf(kind.id).colour})` }}>
                  {follower === kind.id ? kind.label : follower}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {comparisons.map(({ id, workload, rows }) => {
              const least = Math.min(...rows.map(({ bytesPerCommit }) => bytesPerCommit))
              return (
                <tr key={id}>
                  <th scope="row">
                    <button type="button" class="plain" onClick={() => onChoose(id)}>
                      {id}. {workload.label}
                    </button>
                  </th>
                  {[...followers.keys()].map((name) => {
                    const row = rows.find(({ follower }) => follower === name)
                    return (
                      <td key={name} class={row?.bytesPerCommit === least ? 'least' : ''}>
                        {row === undefined ? '–' : showBytes(row.bytesPerCommit)}
                        {row?.verdict.equal === false && <span class="bad"> different</span>}
                      </td>
                    )
                  })}
                </tr>
              )
            })}
          </tbody>
        </table>
      </div>
    </section>
  )
}
