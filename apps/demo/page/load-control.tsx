import { useState } from 'preact/hooks'
import type { StageState } from '../src/wire.ts'
import { ask } from './live.ts'
import { AskButton } from './ask-button.tsx'

const RATES = [5, 20, 100, 500, 1000] as const

function ratesWith(rate: number): readonly number[] {
  return [...new Set([...RATES, rate])].toSorted((a, b) => a - b)
}

/** Who writes meanwhile, and how fast. */
export function LoadControl({ state: { load, workloads, comparing } }: { state: StageState }) {
  const [workload, setWorkload] = useState(load.workload === '' ? (workloads[0]?.id ?? '') : load.workload)
  const [rate, setRate] = useState(load.rate === 0 ? 20 : load.rate)
  const choices = workloads.filter(({ id }) => id !== 'sql')
  const what = workloads.find(({ id }) => id === workload)?.what
  return (
    <section class="control" aria-label="What is written">
      <label>
        Written meanwhile
        <select value={workload} onChange={(event) => setWorkload(event.currentTarget.value)}>
          {choices.map(({ id, label }) => (
            <option key={id} value={id}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <label>
        Transactions a second
        <select value={String(rate)} onChange={(event) => setRate(Number(event.currentTarget.value))}>
          {ratesWith(rate).map((each) => (
            <option key={each} value={String(each)}>
              {each}
            </option>
          ))}
        </select>
      </label>
      <AskButton class="main" disabled={comparing !== undefined} act={() => ask('load', { workload, rate })}>
        {load.rate > 0 ? 'Change' : 'Write'}
      </AskButton>
      <AskButton disabled={load.rate === 0} act={() => ask('load', { workload, rate: 0 })}>
        Stop writing
      </AskButton>
      <p class="quiet">{what}</p>
    </section>
  )
}
