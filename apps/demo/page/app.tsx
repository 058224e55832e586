import { useEffect, useState } from 'preact/hooks'
import { BreakView } from './break-view.tsx'
import { CompareView } from './compare-view.tsx'
import { InsideView } from './inside-view.tsx'
import { type Live, useLive } from './live.ts'
import { LiveView } from './live-view.tsx'
import { LookButtons } from './look.tsx'
import { PitfallsView } from './pitfalls-view.tsx'
import { showCount } from './show.ts'
import { SqlView } from './sql-view.tsx'
import { Tabs } from './tabs.tsx'

const VIEWS = [
  { id: 'live', label: 'Live' },
  { id: 'compare', label: 'Compare' },
  { id: 'pitfalls', label: 'Pitfalls' },
  { id: 'break', label: 'Break it' },
  { id: 'inside', label: 'Look inside' },
  { id: 'sql', label: 'Play' },
] as const

type ViewId = (typeof VIEWS)[number]['id']

export function App() {
  const live = useLive()
  const [view, setView] = useView()
  return (
    <>
      <header class="top">
        <h1>
          Stemma <small>one leader, followers in every format</small>
        </h1>
        <LookButtons />
        <Tabs tabs={VIEWS} chosen={view} label="Views" onChoose={setView} />
      </header>
      <main>
        <div id="panel" role="tabpanel" aria-labelledby={`tab-${view}`} tabIndex={-1}>
          {live.state === undefined ? <p class="quiet">The stage is being set…</p> : <View view={view} live={live} />}
        </div>
      </main>
      <Footer live={live} />
    </>
  )
}

function View({ view, live }: { view: ViewId; live: Live }) {
  const state = live.state
  if (state === undefined) return null
  switch (view) {
    case 'live':
      return <LiveView live={live} state={state} />
    case 'compare':
      return <CompareView live={live} state={state} />
    case 'pitfalls':
      return <PitfallsView />
    case 'break':
      return <BreakView live={live} state={state} />
    case 'inside':
      return <InsideView state={state} />
    case 'sql':
      return <SqlView state={state} />
  }
}

function Footer({ live: { state, isConnected } }: { live: Live }) {
  return (
    <footer>
      <span role="status" class={isConnected ? 'good' : 'bad'}>
        {isConnected ? 'live' : 'not connected: is the demo still running?'}
      </span>
      {state !== undefined && (
        <span>
          SQLite {state.sqlite}, commit {showCount(state.leader.position)}, <code>{state.database}</code>
        </span>
      )}
    </footer>
  )
}

/** The view is the address's fragment, so that it can be linked to, and the back button works. */
function useView(): [ViewId, (view: ViewId) => void] {
  const read = (): ViewId => VIEWS.find(({ id }) => `#${id}` === location.hash)?.id ?? 'live'
  const [view, setView] = useState(read)
  useEffect(() => {
    const onChange = (): void => setView(read())
    addEventListener('hashchange', onChange)
    return () => removeEventListener('hashchange', onChange)
  }, [])
  return [view, (next) => (location.hash = next)]
}
