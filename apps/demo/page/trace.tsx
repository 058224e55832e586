import { useState } from 'preact/hooks'
import type { Note } from '../src/wire.ts'
import { showBytes } from './show.ts'

const SHOWN_MAX = 120
/** Messages that come all the time, and say only that all is well. */
const OFTEN = /^(?:ack|alive|heartbeat)\b/

/** What was done, what happened, and what the protocol said, newest first. */
export function Trace({ notes, nodes }: { notes: readonly Note[]; nodes: readonly string[] }) {
  const [node, setNode] = useState('')
  const [withAll, setWithAll] = useState(false)
  const [frozen, setFrozen] = useState<readonly Note[] | undefined>(undefined)
  const shown = (frozen ?? notes)
    .filter((note) => (node === '' || note.node === node) && (withAll || !isMessage(note) || !OFTEN.test(note.text)))
    .slice(-SHOWN_MAX)
    .toReversed()
  return (
    <section class="trace">
      <h2>What happened</h2>
      <div class="control">
        <label>
          Of
          <select value={node} onChange={(event) => setNode(event.currentTarget.value)}>
            <option value="">all</option>
            {nodes.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </label>
        <label class="check">
          <input type="checkbox" checked={withAll} onChange={(event) => setWithAll(event.currentTarget.checked)} /> acks and
          heartbeats too
        </label>
        <button
          type="button"
          aria-pressed={frozen !== undefined}
          onClick={() => setFrozen(frozen === undefined ? notes : undefined)}
        >
          {frozen === undefined ? 'Hold still' : 'Go on'}
        </button>
      </div>
      <ol class="notes" tabIndex={0} aria-label="Trace, newest first">
        {shown.map((note) => (
          <li key={`${note.at} ${note.node} ${note.text}`} class={note.kind}>
            <time>{(note.at / 1000).toFixed(2)} s</time>
            <b>{note.node}</b>
            <span class="arrow">{ARROWS[note.kind]}</span>
            <span>
              {isMessage(note) ? showMessage(note.text) : note.text}
              {note.bytes !== undefined && <small> {showBytes(note.bytes)}</small>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  )
}

const ARROWS: Readonly<Record<Note['kind'], string>> = {
  sent: '→ leader',
  received: '← leader',
  event: '',
  deed: 'you',
  trouble: '!',
}

/** The protocol's messages in its own words, without the marks that tell programs where a field begins. */
function showMessage(text: string): string {
  const entries = /^entries first=(\d+) last=(\d+)/.exec(text)
  if (entries !== null) return entries[1] === entries[2] ? `entry ${entries[1]}` : `entries ${entries[1]} to ${entries[2]}`
  return text.replace(/=<(\d+ bytes)>/g, ' of $1').replaceAll('=', ' ')
}

function isMessage({ kind }: Note): boolean {
  return kind === 'sent' || kind === 'received'
}
