import type { Milliseconds } from '@stemma/base'
import type { WalIndexView } from './wal-index-view.ts'
import type { WalTail } from './wal-tail.ts'

/**
 * Watches the WAL while nothing keeps it from being begun anew, without going back to the event loop.
 *
 * A busy writer's next commit copies what is left, and the one after that begins the WAL anew: from then on it must not come as far as the
 * next time before there is a pin again, or frames are lost. Sleeps between looks, so that this thread comes first when it must.
 *
 * @returns `copied` when every frame is in the database: a pin that is taken at once lets the WAL begin anew once, and no more;
 *   `restarted` when it has begun anew already; undefined when nothing happened for a few milliseconds
 */
export function watchForRestart(index: WalIndexView, tail: WalTail): 'copied' | 'restarted' | undefined {
  const start = performance.now()
  for (;;) {
    const header = index.read()
    if (header !== undefined && !tail.isCurrent(header)) return 'restarted'
    if (header !== undefined) {
      const isCopied = index.backfilled === header.lastFrame
      // A page as it was before has to be read before the writer's checkpoint comes to it.
      if (!tail.keep(header, false)) return 'restarted'
      if (isCopied) return 'copied'
    }
    const watched = performance.now() - start
    if (watched > WATCH_MAX || (watched > WATCH && !index.isCheckpointing)) return undefined
    Atomics.wait(BELL, 0, 0, STEP)
  }
}

const WATCH: Milliseconds = 4
/** While somebody copies frames. */
const WATCH_MAX: Milliseconds = 50
const STEP: Milliseconds = 0.05
const BELL = new Int32Array(new SharedArrayBuffer(4))
