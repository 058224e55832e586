import { useState } from 'preact/hooks'
import type { FollowerState, LinkMode, StageState } from '../src/wire.ts'
import { AskButton } from './ask-button.tsx'
import { type Live, ask } from './live.ts'
import { Topology } from './topology.tsx'
import { Trace } from './trace.tsx'

const SLOW_BYTES = 2_000
const DELAY_MS = 1_000

/** Do to followers what networks and machines do to them. */
export function BreakView({ live, state }: { live: Live; state: StageState }) {
  const [kind, setKind] = useState(state.kinds[0]?.id ?? '')
  return (
    <>
      <section class="control" aria-label="Add a follower">
        <label>
          Another follower
          <select value={kind} onChange={(event) => setKind(event.currentTarget.value)}>
            {state.kinds.map(({ id, label }) => (
              <option key={id} value={id}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <AskButton class="main" act={() => ask('followers', { kind })}>
          Add
        </AskButton>
        <p class="quiet">
          Cut off, slow down, delay or kill a follower, and see it go on where it was. The leader never waits for any of them.
        </p>
      </section>
      <Topology
        state={state}
        history={live.history}
        deeds={(follower) => <Deeds follower={follower} />}
        leaderDeeds={({ id }) => (
          <div class="deeds">
            <AskButton label={`kill -9, and again: the leader ${id}`} act={() => ask(`leaders/${id}/restart`)}>
              kill -9, and again
            </AskButton>
          </div>
        )}
      />
      <Trace
        notes={live.notes}
        nodes={[
          ...state.leaders.map(({ id }) => (id === 'mixed' ? 'leader' : `leader-${id}`)),
          ...state.followers.map(({ id }) => id),
        ]}
      />
    </>
  )
}

function Deeds({ follower: { id, pid, link, state, verdict } }: { follower: FollowerState }) {
  const setLink = (mode: LinkMode) => () => ask(`followers/${id}/link`, mode)
  return (
    <div class="deeds">
      {link.mode.kind === 'open' ? (
        <>
          <AskButton label={`Cut off ${id}`} act={setLink({ kind: 'cut' })}>
            Cut off
          </AskButton>
          <AskButton label={`Slow ${id}`} act={setLink({ kind: 'slow', bytesPerSecond: SLOW_BYTES })}>
            Slow
          </AskButton>
          <AskButton label={`Delay ${id}`} act={setLink({ kind: 'delayed', delayMs: DELAY_MS })}>
            Delay
          </AskButton>
        </>
      ) : (
        <AskButton class="main" label={`Mend the link of ${id}`} act={setLink({ kind: 'open' })}>
          Mend the link
        </AskButton>
      )}
      {pid === undefined ? (
        <AskButton class="main" label={`Start ${id}`} act={() => ask(`followers/${id}/start`)}>
          Start
        </AskButton>
      ) : (
        <AskButton label={`kill -9 ${id}`} act={() => ask(`followers/${id}/kill`)}>
          kill -9
        </AskButton>
      )}
      {(state === 'failed' || verdict?.equal === false) && (
        <AskButton class="main" label={`Make equal ${id}`} act={() => ask(`followers/${id}/resync`)}>
          Make equal
        </AskButton>
      )}
      <AskButton label={`Remove ${id}`} act={() => ask(`followers/${id}/remove`)}>
        Remove
      </AskButton>
    </div>
  )
}
