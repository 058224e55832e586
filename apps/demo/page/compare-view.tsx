import { useState } from 'preact/hooks'
import type { Comparison, Sample, StageState } from '../src/wire.ts'
import { AskButton } from './ask-button.tsx'
import { Chart, type Series } from './chart.tsx'
import { lookOf } from './colours.ts'
import { ComparisonBars } from './comparison-bars.tsx'
import { CostMatrix } from './cost-matrix.tsx'
import { type Live, ask } from './live.ts'
import { showBytes, showCount, showMs } from './show.ts'

/** Choose a workload, run it, and see what it is in each format. */
export function CompareView({ live, state }: { live: Live; state: StageState }) {
  const [workload, setWorkload] = useState('shop')
  const [sql, setSql] = useState('UPDATE stock SET count = count + 1')
  const [shown, setShown] = useState<number | undefined>(undefined)
  const { comparisons } = live
  const chosen = state.workloads.find(({ id }) => id === workload) ?? state.workloads[0]
  const comparison = comparisons.find(({ id }) => id === shown) ?? comparisons.at(-1)
  const run = async (id: string): Promise<void> => {
    setShown(undefined)
    await ask('compare', { workload: id, ...(id === 'sql' ? { sql } : {}) })
  }
  const runAll = async (): Promise<void> => {
    for (const { id } of state.workloads) if (id !== 'sql') await run(id)
  }
  return (
    <>
      <section class="control" aria-label="What to compare">
        <label>
          Workload
          <select value={chosen?.id} onChange={(event) => setWorkload(event.currentTarget.value)}>
            {state.workloads.map(({ id, label }) => (
              <option key={id} value={id}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <AskButton class="main" disabled={state.comparing !== undefined} act={() => run(chosen?.id ?? 'shop')}>
          Run it
        </AskButton>
        <AskButton disabled={state.comparing !== undefined} act={runAll}>
          Run all
        </AskButton>
        <p class="quiet">{chosen?.what}</p>
        {chosen?.id === 'sql' && (
          <label class="wide">
            SQL of one transaction, run {chosen.transactions} times
            <textarea rows={3} spellcheck={false} value={sql} onInput={(event) => setSql(event.currentTarget.value)} />
          </label>
        )}
      </section>
      {state.comparing !== undefined && <Running state={state} samples={state.comparing.samples} phase={state.comparing.phase} />}
      {state.comparing === undefined && comparison === undefined && (
        <p class="quiet">
          Nothing was compared yet. A workload is written at a steady rate first; then every link is held while as much again is
          written, and one follower after another is let go and catches up. At the end each copy is compared with the leader.
        </p>
      )}
      {state.comparing === undefined && comparison !== undefined && <Result state={state} comparison={comparison} />}
      <CostMatrix comparisons={comparisons} onChoose={setShown} />
    </>
  )
}

function Running({ state, samples, phase }: { state: StageState; samples: readonly Sample[]; phase: string }) {
  return (
    <section aria-label="The comparison that runs">
      <p role="status" class="phase">
        {phase}…
      </p>
      <SampleCharts state={state} samples={samples} />
    </section>
  )
}

function SampleCharts({ state, samples }: { state: Pick<StageState, 'followers'>; samples: readonly Sample[] }) {
  const times = samples.map(({ at }) => at / 1000)
  const series = (read: (sample: Sample, id: string) => number | undefined): Series[] =>
    state.followers
      .filter(({ id }) => samples[0]?.followers[id] !== undefined)
      .map(({ id, kind }) => ({
        label: id === kind.id ? kind.label : id,
        ...lookOf(kind.id),
        values: samples.map((sample) => read(sample, id)),
      }))
  return (
    <div class="charts">
      <Chart
        title="Bytes of entries"
        times={times}
        series={series((sample, id) => sample.followers[id]?.bytes)}
        show={showBytes}
      />
      <Chart
        title="Commits behind the leader"
        times={times}
        series={series((sample, id) => sample.followers[id]?.lagCommits)}
        show={showCount}
      />
    </div>
  )
}

function Result({ state, comparison }: { state: StageState; comparison: Comparison }) {
  const { id, workload, transactions, commits, tookMs, rows, samples, sql } = comparison
  return (
    <section class="result" data-comparison={id}>
      <h2>{workload.label}</h2>
      <p>
        {showCount(transactions)} transactions, {showCount(commits)} commits; the program of the first leader spent{' '}
        {showMs(tookMs)} in them.
        {sql !== undefined && <code> {sql}</code>}
      </p>
      <ComparisonBars rows={rows} />
      <SampleCharts state={state} samples={samples} />
      <p class="files">
        <a href={`/api/comparisons/${id}.csv`} download>
          CSV
        </a>
        <a href={`/api/comparisons/${id}.json`} download>
          JSON
        </a>
      </p>
    </section>
  )
}
