import { useEffect, useState } from 'preact/hooks'
import type { ShownEntry, StageState } from '../src/wire.ts'
import { lookOf } from './colours.ts'
import { showBytes, showCount } from './show.ts'

const ENTRIES = 6
const LINE_BYTES = 16

/** The last entries of each format, side by side: the same commits, told in different ways. */
export function InsideView({ state }: { state: StageState }) {
  const [tip, setTip] = useState(state.leader.position)
  return (
    <>
      <section class="control">
        <button type="button" class="main" onClick={() => setTip(state.leader.position)}>
          Read again
        </button>
        <p class="quiet">
          The last commits up to {showCount(tip)}, as the leader keeps and sends them: first what they say, then their bytes. The
          envelope is pale: position, time, digests before and after, checksum.
        </p>
      </section>
      <div class="inside">
        {state.kinds.map(({ id, label, what }) => (
          <section key={id} style={{ '--kind': `var(${lookOf(id).colour})` }} data-format={id}>
            <h2>{label}</h2>
            <p class="quiet">{what}</p>
            <Entries kind={id} tip={tip} />
          </section>
        ))}
      </div>
    </>
  )
}

function Entries({ kind, tip }: { kind: string; tip: number }) {
  const [entries, setEntries] = useState<readonly ShownEntry[] | undefined>(undefined)
  const [trouble, setTrouble] = useState('')
  useEffect(() => {
    void fetch(`/api/log?kind=${encodeURIComponent(kind)}&limit=${ENTRIES}`)
      .then((answer) => answer.json() as Promise<ShownEntry[] | { error: string }>)
      .then((found) => ('error' in found ? setTrouble(found.error) : setEntries(found.toReversed())))
      .catch((error: unknown) => setTrouble(String(error)))
  }, [kind, tip])
  if (trouble !== '') return <p class="bad">{trouble}</p>
  if (entries === undefined) return <p class="quiet">reading…</p>
  if (entries.length === 0) return <p class="quiet">no entry yet: nothing was committed</p>
  return (
    <ol class="entries">
      {entries.map((entry) => (
        <li key={entry.position}>
          <details open={entry === entries[0]}>
            <summary>
              <b>{showCount(entry.position)}</b> {entry.summary} <small>{showBytes(entry.byteLength)}</small>
            </summary>
            {entry.details.length > 0 && <pre class="details">{entry.details.join('\n')}</pre>}
            <Bytes entry={entry} />
          </details>
        </li>
      ))}
    </ol>
  )
}

/** Bytes as hex and as text; those of the envelope are pale. */
function Bytes({ entry: { hex, payloadAt, byteLength } }: { entry: ShownEntry }) {
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
  const lines = Array.from({ length: Math.ceil(bytes.length / LINE_BYTES) }, (_, line) => line * LINE_BYTES)
  return (
    <pre class="hex" tabIndex={0} aria-label="bytes of the entry">
      {lines.map((at) => {
        const line = bytes.slice(at, at + LINE_BYTES)
        const split = Math.max(0, Math.min(line.length, payloadAt - at))
        return (
          <div key={at}>
            <i>{at.toString(16).padStart(4, '0')}</i> <s>{showHex(line.slice(0, split))}</s>
            {showHex(line.slice(split))}
            {'   '.repeat(LINE_BYTES - line.length)} <em>{showText(line)}</em>
          </div>
        )
      })}
      {byteLength > bytes.length && <div class="quiet">… {showBytes(byteLength - bytes.length)} more</div>}
    </pre>
  )
}

function showHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `${byte.toString(16).padStart(2, '0')} `).join('')
}

function showText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·')).join('')
}
