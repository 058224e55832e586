import { useEffect, useState } from 'preact/hooks'
import type { Comparison, Note, StageState } from '../src/wire.ts'

/** What the page knows: the newest state, what happened, and the last two minutes as numbers. */
export interface Live {
  readonly state: StageState | undefined
  readonly notes: readonly Note[]
  readonly history: readonly Moment[]
  readonly comparisons: readonly Comparison[]
  readonly isConnected: boolean
}

/** One reading, for the charts. */
export interface Moment {
  /** Milliseconds since the stage was opened. */
  readonly at: number
  readonly commits: number
  readonly followers: Readonly<Record<string, { readonly lagCommits: number; readonly bytes: number; readonly received: number }>>
}

const NOTES_MAX = 400
const HISTORY_MAX = 480

const NOTHING: Live = { state: undefined, notes: [], history: [], comparisons: [], isConnected: false }

/** Follows the stage for as long as the page is open. */
export function useLive(): Live {
  const [live, setLive] = useState(NOTHING)
  useEffect(() => {
    const source = new EventSource('/api/events')
    let isFirst = true
    source.addEventListener('open', () => (isFirst = true))
    source.addEventListener('error', () => setLive((before) => ({ ...before, isConnected: false })))
    source.addEventListener('state', (event: MessageEvent<string>) => {
      const { state, notes } = JSON.parse(event.data) as { state: StageState; notes: Note[] }
      const all = isFirst
      isFirst = false
      setLive((before) => ({
        ...before,
        state,
        isConnected: true,
        notes: all ? notes : [...before.notes, ...notes].slice(-NOTES_MAX),
        history: [...before.history, momentOf(state)].slice(-HISTORY_MAX),
      }))
    })
    return () => source.close()
  }, [])
  useComparisons(live, setLive)
  return live
}

/** Fetches comparisons that are over and not here yet. */
function useComparisons({ state, comparisons }: Live, setLive: (change: (before: Live) => Live) => void): void {
  const missing = (state?.comparisons ?? 0) > comparisons.length ? comparisons.length + 1 : 0
  useEffect(() => {
    if (missing === 0) return
    void fetch(`/api/comparisons/${missing}.json`)
      .then(async (answer) => (await answer.json()) as Comparison)
      .then((comparison) =>
        setLive((before) =>
          before.comparisons.length === missing - 1 ? { ...before, comparisons: [...before.comparisons, comparison] } : before,
        ),
      )
  }, [missing])
}

function momentOf({ at, leader, followers }: StageState): Moment {
  return {
    at,
    commits: leader.position,
    followers: Object.fromEntries(
      followers.map(({ id, lagCommits, work, link }) => [id, { lagCommits, bytes: work.bytes, received: link.received }]),
    ),
  }
}

/**
 * Asks the stage to do something.
 *
 * @throws Error with what it said
 */
export async function ask<T = unknown>(path: string, body: object = {}): Promise<T> {
  const answer = await fetch(`/api/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const { result, error } = (await answer.json()) as { result: T; error?: string }
  if (error !== undefined) throw new Error(error)
  return result
}
