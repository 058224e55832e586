import { StemmaError } from '@stemma/base'
import type { LeaderEvent } from '../events.ts'
import type { NodeStatus } from '../status.ts'
import type { Context } from './context.ts'
import { showLeaderEvent } from './event-text.ts'
import { EXIT, type ExitCode } from './exit-code.ts'
import { parseBytes, parseSpan, showBytes, showMany, showSeconds } from './quantity.ts'
import { type Screen, openScreen } from './screen.ts'
import { listenForStop } from './stop.ts'
import { readTextFile, readToken } from './token.ts'
import { tellUnseenStatements } from './unseen-statements.ts'

/** The options of `stemma serve`, as they were typed. */
export interface ServeFlags {
  readonly listen: string
  readonly format: string
  readonly rowImage: 'full' | 'changed'
  readonly statementsAsRows?: boolean
  readonly tokenFile?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly insecure?: boolean
  readonly ship: 'synced' | 'immediate'
  readonly logMax?: string
  readonly logAge?: string
  readonly convertToWal?: boolean
  readonly json?: boolean
}

const STATUS_DELAY_MS = 1_000

/** Serves a database to followers until it is told to stop. */
export async function serve(database: string, flags: ServeFlags, context: Context): Promise<ExitCode> {
  const token = readToken(flags.tokenFile, context.env)
  const tls = tlsOf(flags)
  using stop = listenForStop(context.signals)
  const screen = openScreen(context.output, flags.json === true)
  const end = Promise.withResolvers<undefined>()
  stop.signal.addEventListener('abort', () => end.resolve(undefined), { once: true })
  const formats = flags.format.split(',')
  await tellUnseenStatements(formats, { database, asRows: flags.statementsAsRows === true, screen })

  const leader = await context.engine.openLeader({
    database,
    listen: flags.listen,
    formats,
    rowImage: flags.rowImage,
    ...(token === undefined ? {} : { token }),
    ...(tls === undefined ? {} : { tls }),
    insecure: flags.insecure === true,
    ship: flags.ship,
    retention: {
      ...(flags.logMax === undefined ? {} : { maxBytes: parseBytes(flags.logMax) }),
      ...(flags.logAge === undefined ? {} : { maxAge: parseSpan(flags.logAge) }),
    },
    convertToWal: flags.convertToWal === true,
    thread: 'same',
    onEvent(event) {
      showEvent(screen, event)
      if (event.kind === 'failed') end.reject(event.error)
    },
  })
  const stopWatching = watch(leader, screen, context)
  try {
    await end.promise
  } finally {
    stopWatching()
    await leader.close()
    screen.close()
  }
  screen.line('stopped')
  screen.record({ event: 'stopped' })
  return EXIT.fine
}

function showEvent(screen: Screen, event: LeaderEvent): void {
  const { kind, ...facts } = event
  screen.record({ event: kind, ...facts })
  if (event.kind === 'scanning')
    screen.live(`reading the database  ${Math.floor((100 * event.done) / Math.max(1, event.total))} %`)
  const line = showLeaderEvent(event)
  if (line !== undefined) screen.line(line)
}

/** Keeps the living line true. */
function watch(leader: { status(): Promise<NodeStatus> }, screen: Screen, context: Context): () => void {
  if (screen.manner !== 'live') return () => {}
  const look = (): void => {
    // A status that can't be had is no news: an event tells why.
    leader.status().then(
      (status) => screen.live(showServing(status)),
      () => {},
    )
  }
  look()
  return context.every(STATUS_DELAY_MS, look)
}

/** The living line of `stemma serve`. */
export function showServing(status: NodeStatus): string {
  const followers = status.followers ?? []
  const slowest = Math.max(0, ...followers.map((follower) => follower.lag.commits))
  const behind = Math.max(0, ...followers.map((follower) => follower.lag.seconds))
  const lag = slowest === 0 ? 'all caught up' : `slowest ${showMany(slowest, 'commit')}, ${showSeconds(behind)} behind`
  const position = status.position === undefined ? '-' : `${status.position.epoch}:${status.position.sequence}`
  const parts = [
    `serving ${status.database}`,
    `at ${position}`,
    followers.length === 0 ? 'no followers' : `${showMany(followers.length, 'follower')}, ${lag}`,
    `wal ${showBytes(status.walBytes)}`,
    `log ${showBytes(status.logBytes)}`,
  ]
  return parts.join('  ')
}

function tlsOf(flags: ServeFlags): { cert: string; key: string } | undefined {
  const { tlsCert, tlsKey } = flags
  if (tlsCert === undefined && tlsKey === undefined) return undefined
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new StemmaError('BAD_ARGUMENT', '--tls-cert and --tls-key go together; one of them is missing')
  }
  return { cert: readTextFile(tlsCert, '--tls-cert'), key: readTextFile(tlsKey, '--tls-key') }
}
