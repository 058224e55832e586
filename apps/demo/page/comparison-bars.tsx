import type { ComparisonRow } from '../src/wire.ts'
import { lookOf } from './colours.ts'
import { showBytes, showCount, showMs, showUs } from './show.ts'
import { Why } from './why.tsx'

interface Measure {
  readonly label: string
  readonly why: string
  readonly of: (row: ComparisonRow) => number | undefined
  readonly show: (value: number) => string
}

const MEASURES: readonly Measure[] = [
  {
    label: 'Bytes a commit',
    why: 'Bytes of all entries with their envelopes, divided by their number: what is kept in the log and sent to each follower.',
    of: (row) => row.bytesPerCommit,
    show: showBytes,
  },
  {
    label: 'Bytes in total',
    why: 'Bytes of all entries that this workload made.',
    of: (row) => row.bytes,
    show: showBytes,
  },
  {
    label: 'Entries',
    why: 'How many entries the follower applied: one for each commit.',
    of: (row) => row.entries,
    show: showCount,
  },
  {
    label: 'Of them as rows',
    why: 'Commits whose statements are not safe to run again, or were not seen: they travel as rows, also in a log of statements.',
    of: (row) => row.asRows,
    show: showCount,
  },
  {
    label: 'Encoding an entry',
    why: 'Time that the leader’s engine took for one entry, on a thread of its own, beside the program that writes. What several formats need is found for the first of them, and counts there.',
    of: (row) => row.encodeUs,
    show: showUs,
  },
  {
    label: 'Applying an entry',
    why: 'Time that the follower took for one entry. Entries that wait are applied together, so this falls when many wait.',
    of: (row) => row.applyUs,
    show: showUs,
  },
  {
    label: 'Delay',
    why: 'From the commit until it could be read on the follower, the median of readings every 100 ms while it was written at a steady rate and caught up. The sync of the leader’s WAL is in it.',
    of: (row) => row.delayMs,
    show: showMs,
  },
  {
    label: 'Catching up',
    why: 'From the moment the link was let go until the leader knew that the follower had everything that was written meanwhile. One follower after another.',
    of: (row) => row.catchUpMs,
    show: showMs,
  },
]

/** Small bar charts side by side, one for each measure; all of a chart share a scale that begins at 0. */
export function ComparisonBars({ rows }: { rows: readonly ComparisonRow[] }) {
  return (
    <div class="measures">
      {MEASURES.map((measure) => (
        <Bars key={measure.label} measure={measure} rows={rows} />
      ))}
      <section class="measure">
        <h3>
          <Why text="Each copy was compared with the leader at one position at the end: by the digest of all pages, or table by table, row by row.">
            Equal to the leader
          </Why>
        </h3>
        <ul>
          {rows.map(({ follower, kind, verdict }) => (
            <li key={follower} style={{ '--kind': `var(${lookOf(kind.id).colour})` }}>
              <span class="name">{follower === kind.id ? kind.label : follower}</span>
              <span class={verdict.equal ? 'good' : 'bad'}>{verdict.equal ? 'equal' : 'different'}</span>
              <span class="quiet">{verdict.what}</span>
            </li>
          ))}
        </ul>
      </section>
    </div>
  )
}

function Bars({ measure: { label, why, of, show }, rows }: { measure: Measure; rows: readonly ComparisonRow[] }) {
  const values = rows.map(of)
  const known = values.filter((value) => value !== undefined)
  const most = Math.max(...known, Number.EPSILON)
  const least = Math.min(...known)
  return (
    <section class="measure">
      <h3>
        <Why text={why}>{label}</Why>
      </h3>
      <ul>
        {rows.map(({ follower, kind }, index) => {
          const value = values[index]
          const factor = value === undefined || least <= 0 ? 1 : value / least
          return (
            <li key={follower} style={{ '--kind': `var(${lookOf(kind.id).colour})` }}>
              <span class="name">{follower === kind.id ? kind.label : follower}</span>
              <span class="bar" aria-hidden="true">
                <i style={{ width: `${(100 * (value ?? 0)) / most}%` }} />
              </span>
              <span class="value">
                {value === undefined ? '–' : show(value)}
                {factor >= 1.05 && <small> ×{factor >= 10 ? Math.round(factor) : factor.toFixed(1)}</small>}
              </span>
            </li>
          )
        })}
      </ul>
    </section>
  )
}
