import type { StageState } from '../src/wire.ts'
import { Chart, type Series } from './chart.tsx'
import { lookOf } from './colours.ts'
import { type Live, type Moment } from './live.ts'
import { LoadControl } from './load-control.tsx'
import { showBytes, showCount } from './show.ts'
import { Topology } from './topology.tsx'
import { WorkTable } from './work-table.tsx'

/** Everything that runs, at one look. */
export function LiveView({ live, state }: { live: Live; state: StageState }) {
  const { history } = live
  const times = history.map(({ at }) => at / 1000)
  return (
    <>
      <LoadControl state={state} />
      <Topology state={state} history={history} />
      <div class="charts">
        <Chart
          title="Bytes of entries since the page was opened"
          times={times}
          series={seriesOf(state, history, (moment, id, first) => {
            const bytes = moment.followers[id]?.bytes
            return bytes === undefined ? undefined : Math.max(0, bytes - (first.followers[id]?.bytes ?? 0))
          })}
          show={showBytes}
        />
        <Chart
          title="Commits behind the leader"
          times={times}
          series={seriesOf(state, history, (moment, id) => moment.followers[id]?.lagCommits)}
          show={showCount}
        />
      </div>
      <WorkTable state={state} />
    </>
  )
}

export function seriesOf(
  state: StageState,
  history: readonly Moment[],
  read: (moment: Moment, follower: string, first: Moment) => number | undefined,
): Series[] {
  const [first] = history
  if (first === undefined) return []
  return state.followers.map(({ id, kind }) => {
    const values = history.map((moment) => read(moment, id, first))
    return { label: id === kind.id ? kind.label : id, ...lookOf(kind.id), values }
  })
}
