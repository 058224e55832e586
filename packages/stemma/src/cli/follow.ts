import { StemmaError, showPosition, type TextEncoding } from '@stemma/base'
import { isPageSize } from '@stemma/sqlite-file'
import type { FollowerEvent } from '../events.ts'
import type { Context } from './context.ts'
import { showFollowerEvent } from './event-text.ts'
import { EXIT, type ExitCode } from './exit-code.ts'
import { showProgress } from './progress-bar.ts'
import { parseSpan, showMany, showSeconds } from './quantity.ts'
import { type Screen, openScreen } from './screen.ts'
import { listenForStop } from './stop.ts'
import { readTextFile, readToken } from './token.ts'

/** The options of `stemma follow`, as they were typed. */
export interface FollowFlags {
  readonly format: string
  readonly tokenFile?: string
  readonly tlsCa?: string
  readonly name?: string
  readonly onDiverged: 'snapshot' | 'stop'
  readonly pageSize?: string
  readonly encoding?: TextEncoding
  readonly onDifference: 'stop' | 'force'
  readonly resync?: boolean
  readonly verifyEvery?: string
  readonly once?: boolean
  readonly json?: boolean
}

/** Keeps a copy of a leader's database until it is told to stop; with `once`, until it has caught up. */
export async function follow(url: string, database: string, flags: FollowFlags, context: Context): Promise<ExitCode> {
  const token = readToken(flags.tokenFile, context.env)
  using stop = listenForStop(context.signals)
  const screen = openScreen(context.output, flags.json === true)
  const story = newStory(screen, context)
  const end = Promise.withResolvers<undefined>()
  stop.signal.addEventListener('abort', () => end.resolve(undefined), { once: true })

  let isDone = false
  const opened = context.engine.openFollower({
    url,
    database,
    format: flags.format,
    ...(token === undefined ? {} : { token }),
    ...(flags.tlsCa === undefined ? {} : { tls: { ca: readTextFile(flags.tlsCa, '--tls-ca') } }),
    ...(flags.name === undefined ? {} : { name: flags.name }),
    onDiverged: flags.onDiverged,
    ...(flags.pageSize === undefined ? {} : { pageSize: parsePageSize(flags.pageSize) }),
    ...(flags.encoding === undefined ? {} : { encoding: flags.encoding }),
    onDifference: flags.onDifference,
    resync: flags.resync === true,
    ...(flags.verifyEvery === undefined ? {} : { verifyEvery: parseSpan(flags.verifyEvery) }),
    ready: 'readable',
    thread: 'same',
    signal: stop.signal,
    onEvent(event) {
      // Asked to stop, or with all that it was to fetch, it hangs up by itself.
      if (!(event.kind === 'disconnected' && (stop.signal.aborted || isDone))) story(event)
      if (event.kind === 'failed') end.reject(event.error)
      if (event.kind !== 'caught-up' || flags.once !== true) return
      isDone = true
      end.resolve(undefined)
    },
  })
  try {
    await Promise.race([opened, end.promise])
    await end.promise
  } catch (error) {
    if (!stop.signal.aborted) throw error
  } finally {
    // A follower that was told to stop while it opened ends by itself.
    await opened.then(
      (follower) => follower.close(),
      () => {},
    )
    screen.close()
  }
  screen.line('stopped')
  screen.record({ event: 'stopped' })
  return EXIT.fine
}

function parsePageSize(text: string): number {
  const size = Number(text)
  if (isPageSize(size)) return size
  throw new StemmaError('BAD_ARGUMENT', `--page-size takes a power of two from 512 to 65536, not ${JSON.stringify(text)}`, {
    text,
  })
}

/** The shortest time between two records of progress, for programs. */
const PROGRESS_DELAY_MS = 1_000

/** Tells what a follower's events say, in the manner of the screen. */
function newStory(screen: Screen, context: Context): (event: FollowerEvent) => void {
  let bytesPerPage = 0
  let snapshotAt = 0
  let recordedAt = Number.NEGATIVE_INFINITY
  return (event) => {
    const often = event.kind === 'progress' || event.kind === 'snapshot-progress' || event.kind === 'verifying'
    if (!often || context.now() - recordedAt >= PROGRESS_DELAY_MS) {
      const { kind, ...facts } = event
      screen.record({ event: kind, ...facts })
      if (often) recordedAt = context.now()
    }
    if (event.kind === 'snapshot-started') {
      bytesPerPage = event.pageSize
      snapshotAt = context.now()
    }
    const line = showFollowerEvent(event)
    if (line !== undefined) screen.line(line)
    const living = showLiving(event, { bytesPerPage, seconds: (context.now() - snapshotAt) / 1000 })
    if (living !== undefined) screen.live(living)
  }
}

/** What the living line says after an event; undefined leaves it as it is. */
function showLiving(event: FollowerEvent, snapshot: { bytesPerPage: number; seconds: number }): string | undefined {
  switch (event.kind) {
    case 'verifying':
      return `checking the copy  ${Math.floor((100 * event.done) / Math.max(1, event.total))} %`
    case 'snapshot-progress': {
      const { bytesPerPage, seconds } = snapshot
      return `snapshot  ${showProgress({ done: event.done * bytesPerPage, total: event.total * bytesPerPage, seconds })}`
    }
    case 'caught-up':
      return `following  at ${showPosition(event.position)}  caught up`
    case 'progress': {
      const { lagCommits, lagSeconds } = event
      const lag = lagCommits === 0 ? 'caught up' : `${showMany(lagCommits, 'commit')}, ${showSeconds(lagSeconds)} behind`
      return `following  at ${showPosition(event.position)}  ${lag}`
    }
    case 'disconnected':
      return 'not connected; trying again'
    case 'snapshot-installed':
      return ''
    case 'connected':
    case 'snapshot-started':
    case 'diverged':
    case 'resync':
    case 'message':
    case 'verified':
    case 'warning':
    case 'failed':
      return undefined
  }
}
