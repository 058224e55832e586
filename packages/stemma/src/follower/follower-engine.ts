import { StemmaError, comparePositions, type Milliseconds, type Position } from '@stemma/base'
import type { LogFormat } from '@stemma/log'
import type { Follower as Protocol, FollowerReport, Held, HeldCopy } from '@stemma/protocol'
import type { Replica, Staging } from '@stemma/storage'
import { connectLink, keepConnected } from '@stemma/transport'
import type { FollowerEvent } from '../events.ts'
import { loadFormats } from '../formats.ts'
import { showSnapshotReason } from '../snapshot-reason.ts'
import { sqliteVersion } from '../leader/leader-status.ts'
import { showDigest, type Lag, type NodeStatus } from '../status.ts'
import { asStemmaError } from '../unexpected.ts'
import { EntryApplier } from './entry-applier.ts'
import { FollowerHost, type FollowerServices } from './follower-host.ts'
import type { FollowerEngineOptions } from './follower-options.ts'
import { openCopy } from './open-copy.ts'
import { PeriodicVerify } from './periodic-verify.ts'

const TICK_MS = 500
const PROGRESS_MS = 100

/** A follower at work on this thread. */
export interface FollowerEngine {
  status(): NodeStatus
  /** Resolves when the copy has everything that the leader has said it has; at once when it has. */
  caughtUp(): Promise<Position>
  close(): Promise<void>
}

/**
 * Opens the copy and begins to follow. The leader need not be there yet.
 *
 * @throws StemmaError of the copy or the format: nothing stays open then
 */
export async function openFollowerEngine(
  options: FollowerEngineOptions,
  onEvent: (event: FollowerEvent) => void,
): Promise<FollowerEngine> {
  const formats = await loadFormats([options.format])
  let engine: Engine | undefined
  const replica = await openCopy(formats[0]!, options, onEvent)
  try {
    engine = new Engine(options, replica, formats, onEvent)
    engine.start()
    return engine
  } catch (error) {
    await replica.close()
    throw error
  }
}

class Engine implements FollowerEngine {
  readonly #options: FollowerEngineOptions
  readonly #format: string
  readonly #replica: Replica
  readonly #onEvent: (event: FollowerEvent) => void
  readonly #host: FollowerHost
  readonly #applier: EntryApplier
  readonly #stop = new AbortController()
  #connection: Promise<void> | undefined
  #ticker: NodeJS.Timeout | undefined
  #verify: PeriodicVerify | undefined
  #staging: { readonly name: string; readonly staging: Staging } | undefined
  #working: Promise<void> = Promise.resolve()
  #retryAt: Milliseconds = 0
  #progressAt: Milliseconds = 0
  /** The last thing told was that the copy is caught up here. */
  #toldSequence: number | undefined
  #isConnected = false
  /** Why a snapshot is needed. */
  #why = ''
  #closing: Promise<void> | undefined

  constructor(
    options: FollowerEngineOptions,
    replica: Replica,
    formats: readonly LogFormat[],
    onEvent: (event: FollowerEvent) => void,
  ) {
    this.#options = options
    this.#format = formats[0]!.name
    this.#replica = replica
    this.#onEvent = onEvent
    // Told to take over what differs, it says that it does not know where it stands.
    const held = options.resync ? forget(heldOf(replica)) : heldOf(replica)
    this.#host = new FollowerHost(
      {
        node: replica.node,
        name: options.name,
        sqlite: sqliteVersion(),
        formats: formats.map(({ name, reads }) => ({ name, versions: reads })),
        onDiverged: options.onDiverged,
        held,
        durable: held.kind === 'copy' ? held.position : undefined,
        resume: undefined,
      },
      this.#services(),
    )
    this.#applier = new EntryApplier({
      replica,
      merge: options.merge,
      slices: formats.some(({ view }) => view === 'statements'),
      step: (input) => this.#host.step(input),
      warn: (error) => this.#warn(error),
    })
  }

  start(): void {
    const { url, token, tls } = this.#options
    const { signal } = this.#stop
    this.#connection = keepConnected({
      connect: async (onLink, until) => {
        await pauseUntil(this.#retryAt, until)
        return connectLink({ url, token, tls, onLink, signal: until })
      },
      onLink: (link) => this.#host.accept(link),
      onDown: (error) => {
        if (!this.#isConnected) this.#onEvent({ kind: 'disconnected', error })
        this.#isConnected = false
      },
      signal,
    }).catch((error: unknown) => this.#fail(error))
    this.#ticker = setInterval(() => {
      this.#host.step({ kind: 'tick' })
      this.#tellProgress()
    }, TICK_MS)
    const { verifyEveryMs: everyMs, database } = this.#options
    if (everyMs === undefined) return
    this.#verify = new PeriodicVerify({
      leader: url,
      database,
      token,
      tls,
      everyMs,
      told: (result) => this.#onEvent({ kind: 'verified', result }),
      failed: (error) => this.#warn(error),
    })
  }

  status(): NodeStatus {
    const { state, walBytes } = this.#replica
    const { follower } = this.#host
    return {
      role: 'follower',
      database: this.#options.database,
      cluster: state.kind === 'empty' ? '' : (state.cluster ?? ''),
      node: this.#replica.node,
      position: state.kind === 'ready' ? state.position : undefined,
      digest: state.kind === 'ready' ? showDigest(state.digest) : undefined,
      formats: [this.#format],
      sqlite: sqliteVersion(),
      walBytes,
      logBytes: 0,
      work: [{ format: this.#format, ...this.#applier.work }],
      leader: { url: this.#options.url, connected: follower.phase !== 'offline', tip: follower.tip?.position },
      ...(follower.tip === undefined ? {} : { lag: this.#lag(follower) }),
    }
  }

  caughtUp(): Promise<Position> {
    let wanted: Position | undefined
    const isThere = (): Position | undefined => {
      const { held, phase, tip } = this.#host.follower
      if (phase !== 'following') wanted = undefined
      // What is committed after the call does not count: under steady load the leader is always a little ahead.
      else wanted ??= tip?.position
      if (wanted === undefined || held.kind !== 'copy') return undefined
      return comparePositions(held.position, wanted) >= 0 ? held.position : undefined
    }
    const now = isThere()
    if (now !== undefined) return Promise.resolve(now)
    return new Promise((resolve, reject) => {
      const { signal } = this.#stop
      const onAbort = (): void => {
        done()
        reject(asStemmaError(signal.reason))
      }
      const stop = this.#host.onStep(() => {
        const position = isThere()
        if (position === undefined) return
        done()
        resolve(position)
      })
      const done = (): void => {
        stop()
        signal.removeEventListener('abort', onAbort)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
    })
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close(new StemmaError('CLOSED', 'this follower was closed')))
  }

  async #close(why: StemmaError): Promise<void> {
    clearInterval(this.#ticker)
    this.#stop.abort(why)
    try {
      await this.#connection
      await this.#verify?.close()
      await this.#applier.close()
      await this.#working
    } finally {
      await this.#replica.close()
    }
  }

  #services(): FollowerServices {
    return {
      now: Date.now,
      apply: ({ bytes }) => this.#applier.add(bytes),
      drop: () => this.#applier.drop(),
      stage: ({ info, cluster, format }) => {
        const { snapshot, ...rest } = info
        this.#work(async () => {
          const staging = await this.#replica.stage({ ...rest, cluster, format })
          this.#staging = { name: snapshot, staging }
          this.#host.step({ kind: 'staged', snapshot, next: staging.next, compare: staging.compare })
        })
      },
      readSums: ({ snapshot, first, count }) => {
        const have = this.#stagingOf(snapshot).have(first, count)
        this.#host.step({ kind: 'sums-read', snapshot, first, count, have })
      },
      writePages: ({ snapshot, first, count, leftOut, bytes }) => {
        this.#stagingOf(snapshot).write({ first, count, leftOut, bytes })
        this.#host.step({ kind: 'pages-written', snapshot, first, count })
      },
      finishSnapshot: ({ snapshot }) =>
        this.#work(async () => {
          await this.#applier.idle()
          await this.#stagingOf(snapshot).finish()
          this.#staging = undefined
          this.#host.step({ kind: 'snapshot-installed', held: heldOf(this.#replica) as HeldCopy })
        }),
      discardSnapshot: ({ snapshot }) => {
        if (this.#staging?.name !== snapshot) return
        this.#staging.staging.discard()
        this.#staging = undefined
      },
      ...(this.#options.trace ? { trace: (message) => this.#onEvent({ kind: 'message', ...message }) } : {}),
      retryAfter: (_error, retryAfterMs) => void (this.#retryAt = Date.now() + retryAfterMs),
      stop: (error) => this.#fail(error),
      report: (report) => this.#report(report),
    }
  }

  #stagingOf(snapshot: string): Staging {
    if (this.#staging?.name !== snapshot) throw new StemmaError('SNAPSHOT_FAILED', `no snapshot ${snapshot} is being fetched`)
    return this.#staging.staging
  }

  /** One piece of work after another. */
  #work(work: () => Promise<void>): void {
    this.#working = this.#working.then(work).catch((error: unknown) => {
      if (this.#closing !== undefined) return
      this.#applier.drop()
      this.#host.step({ kind: 'failed', error: asStemmaError(error) })
    })
  }

  #report(report: FollowerReport): void {
    const onEvent = this.#onEvent
    switch (report.kind) {
      case 'connected':
        this.#isConnected = true
        return onEvent({ kind: 'connected', url: this.#options.url, tip: report.tip })
      case 'disconnected':
        return onEvent({ kind: 'disconnected', error: report.error })
      case 'needs-snapshot':
        this.#why = showSnapshotReason(report.why)
        if (report.error !== undefined) onEvent({ kind: 'resync', error: report.error })
        return
      case 'diverged':
        return onEvent({ kind: 'diverged', position: report.position })
      case 'snapshot-started': {
        const { position, pageCount, pageSize } = report.info
        return onEvent({ kind: 'snapshot-started', position, pageCount, pageSize, why: this.#why })
      }
      case 'snapshot-progress': {
        const isLast = report.done === report.total
        const now = Date.now()
        if (!isLast && now - this.#progressAt < PROGRESS_MS) return
        this.#progressAt = isLast ? 0 : now
        return onEvent(report)
      }
      case 'snapshot-installed':
        return onEvent(report)
      case 'caught-up':
        this.#tellProgress()
        return onEvent(report)
      case 'going-on':
    }
  }

  /** Tells how far the copy is, ten times a second at most, and that it is caught up once. */
  #tellProgress(): void {
    const now = Date.now()
    if (now - this.#progressAt < PROGRESS_MS) return
    const { follower } = this.#host
    if (follower.held.kind !== 'copy' || follower.tip === undefined) return
    const { commits, seconds } = this.#lag(follower)
    if (commits === 0 && follower.held.position.sequence === this.#toldSequence) return
    this.#progressAt = now
    this.#toldSequence = commits === 0 ? follower.held.position.sequence : undefined
    this.#onEvent({
      kind: 'progress',
      position: follower.held.position,
      tip: follower.tip.position,
      lagCommits: commits,
      lagSeconds: seconds,
    })
  }

  #lag({ tip, held, committedAt }: Protocol): Lag {
    const sequence = held.kind === 'copy' ? held.position.sequence : 0
    const commits = tip === undefined ? 0 : Math.max(0, tip.position.sequence - sequence)
    if (commits === 0 || tip === undefined) return { commits: 0, seconds: 0 }
    // Both times are the leader's; what has passed since is ours.
    const since = committedAt === undefined ? 0 : Math.max(0, tip.time - committedAt)
    return { commits, seconds: (since + Date.now() - tip.heardAt) / 1000 }
  }

  #warn(error: unknown): void {
    this.#onEvent({ kind: 'warning', error: asStemmaError(error) })
  }

  #fail(error: unknown): void {
    if (this.#closing !== undefined) return
    const known = asStemmaError(error)
    this.#closing = this.#close(known)
    this.#onEvent({ kind: 'failed', error: known })
    this.#closing.catch((closing: unknown) => this.#warn(closing))
  }
}

function heldOf({ state }: Replica): Held {
  switch (state.kind) {
    case 'empty':
      return { kind: 'empty' }
    case 'unknown':
      return { kind: 'unknown', cluster: state.cluster ?? '', pageSize: state.pageSize, epoch: state.epoch }
    case 'ready': {
      const { cluster, position, digest, pageSize } = state
      return { kind: 'copy', cluster, position, digest, pageSize }
    }
  }
}

/** A copy of which it counts as not known where it stands. */
function forget(held: Held): Held {
  if (held.kind !== 'copy') return held
  const { cluster, pageSize, position } = held
  return { kind: 'unknown', cluster, pageSize, epoch: position.epoch }
}

async function pauseUntil(at: Milliseconds, signal: AbortSignal): Promise<void> {
  const wait = at - Date.now()
  if (wait <= 0 || signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, wait)
  signal.addEventListener('abort', () => resolve(), { once: true })
  await promise
  clearTimeout(timer)
}
