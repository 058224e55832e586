import type { FollowerState, StageState, Work } from '../src/wire.ts'
import { AskButton } from './ask-button.tsx'
import { lookOf } from './colours.ts'
import { ask } from './live.ts'
import { showBytes, showCount, showMs, showUs } from './show.ts'
import { Why } from './why.tsx'

const COLUMNS = [
  {
    label: 'Bytes a commit',
    why: 'Bytes of an entry with its envelope, on average over all that this follower’s process has applied.',
  },
  {
    label: 'Encoding',
    why: 'How long the leader took to make one entry of this format, on average since it was started. What rows and statements both need to know is found once, and counts for the first of them.',
  },
  {
    label: 'Applying',
    why: 'How long the follower took to apply one entry, on average. Entries that come together are applied together, and cost less each.',
  },
  {
    label: 'Delay',
    why: 'From the commit on the leader until the newest entry could be read on the follower. The leader syncs its WAL before it ships, and that is in it.',
  },
  {
    label: 'Equal?',
    why: 'Compares copy and leader at one position while both run: by the digest of all pages, or row by row.',
  },
] as const

/** What each follower's format costs, and whether its copy is true. */
export function WorkTable({ state }: { state: StageState }) {
  const encodedFor = ({ kind }: FollowerState): Work | undefined =>
    state.leaders.find(({ id }) => id === kind.leader)?.work.find(({ format }) => format === kind.format)
  return (
    <section>
      <h2>What each format costs here</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="What each format costs">
        <table>
          <thead>
            <tr>
              <th scope="col">Follower</th>
              {COLUMNS.map(({ label, why }) => (
                <th key={label} scope="col">
                  <Why text={why}>{label}</Why>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {state.followers.map((follower) => (
              <WorkRow key={follower.id} follower={follower} encoding={encodedFor(follower)} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function WorkRow({ follower, encoding }: { follower: FollowerState; encoding: Work | undefined }) {
  const { id, kind, work, delayMs, verdict, state } = follower
  return (
    <tr>
      <th scope="row" style={{ '--kind': `var(${lookOf(kind.id).colour})` }}>
        {kind.label} <small>{id === kind.id ? '' : id}</small>
      </th>
      <td>{work.entries === 0 ? '–' : showBytes(work.bytes / work.entries)}</td>
      <td>{showTime(encoding)}</td>
      <td>{showTime(work)}</td>
      <td>{showMs(delayMs)}</td>
      <td>
        {verdict !== undefined && (
          <span class={verdict.equal ? 'good' : 'bad'}>{verdict.equal ? `yes, at ${showCount(verdict.position)}` : 'no'} </span>
        )}
        <AskButton
          label={`Compare ${id} with the leader`}
          disabled={state !== 'following'}
          act={() => ask(`followers/${id}/verify`)}
        >
          Compare
        </AskButton>
      </td>
    </tr>
  )
}

function showTime(work: Work | undefined): string {
  return work === undefined || work.entries === 0 ? '–' : showUs((work.tookMs / work.entries) * 1000)
}
