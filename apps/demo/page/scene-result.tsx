import type { PolicyOutcome, SceneCells, SceneTable } from '../src/wire.ts'
import { lookOf } from './colours.ts'

/** What one policy made of a scene: how it travelled, and the rows of both sides with the cells that differ marked. */
export function SceneResult({ outcome: { policy, end, what, asPromised, entries, tables } }: { outcome: PolicyOutcome }) {
  return (
    <section class="policy" data-policy={policy} style={{ '--kind': `var(${lookOf(policy).colour})` }}>
      <h2>
        {policy}: <span class={end === 'equal' ? 'good' : 'bad'}>{ENDS[end]}</span>{' '}
        {asPromised !== undefined && (
          <small class="quiet">{asPromised ? 'as the catalogue says' : 'not as the catalogue says'}</small>
        )}
      </h2>
      {what !== '' && <p class={end === 'equal' ? 'quiet' : 'bad'}>{what}</p>}
      <details>
        <summary>How it travelled</summary>
        <pre class="details">{entries.join('\n')}</pre>
      </details>
      {tables.map((table) => (
        <SideBySide key={table.name} table={table} />
      ))}
    </section>
  )
}

const ENDS: Readonly<Record<PolicyOutcome['end'], string>> = {
  equal: 'the copy is equal',
  differs: 'the copy differs, and nobody noticed',
  stopped: 'the copy stopped',
}

function SideBySide({ table: { name, columns, rows } }: { table: SceneTable }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`Rows of ${name}`}>
      <table>
        <caption>{name}</caption>
        <thead>
          <tr>
            {['leader', 'copy'].map((side) =>
              columns.map((column, at) => (
                <th key={`${side} ${at}`} scope="col">
                  <small>{side}</small> {column}
                </th>
              )),
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ leader, copy }, at) => (
            <tr key={at}>
              <Cells cells={leader} other={copy} count={columns.length} />
              <Cells cells={copy} other={leader} count={columns.length} />
            </tr>
          ))}
          {rows.length === 0 && (
            <tr>
              <td colSpan={2 * columns.length} class="quiet">
                no rows on either side
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </div>
  )
}

function Cells({ cells, other, count }: { cells: SceneCells | undefined; other: SceneCells | undefined; count: number }) {
  if (cells === undefined) {
    return (
      <td colSpan={count} class="differs quiet">
        no such row
      </td>
    )
  }
  return (
    <>
      {cells.map((cell, at) => (
        <td key={at} class={cell === other?.[at] ? '' : 'differs'}>
          {cell ?? <span class="quiet">NULL</span>}
        </td>
      ))}
    </>
  )
}
