import { hostname } from 'node:os'
import { StemmaError, type Milliseconds, type Position, type TextEncoding } from '@stemma/base'
import type { ConnectTls, Token } from '@stemma/transport'
import type Database from 'better-sqlite3'
import type { FollowerEvent } from '../events.ts'
import type { NodeStatus } from '../status.ts'
import { openEngineThread } from '../thread/engine-thread.ts'
import { asStemmaError } from '../unexpected.ts'
import { openCopyDatabase } from './copy-database.ts'
import { openFollowerEngine } from './follower-engine.ts'
import type { FollowerEngineOptions } from './follower-options.ts'

/** Whom to follow, into which copy, and how. */
export interface FollowerOptions {
  /** Where the leader listens: `tcp://host:port`, or with `tls`, `ws` or `wss`. */
  readonly url: string
  /** Path of the copy: a place where nothing is, or a copy that Stemma made. */
  readonly database: string
  /**
   * The format to follow by; `wal` by default, which makes a copy that is the leader's byte for byte. `row` makes one that holds the same rows in
   * pages of its own. A copy stays what it was made as.
   */
  readonly format?: string
  /** With `row`: bytes of a page of a copy that is made; the leader's by default. */
  readonly pageSize?: number
  /** With `row`: how a copy that is made stores its texts; as the leader by default. */
  readonly encoding?: TextEncoding
  /** With `row`: what to do when a row is not what the leader's was: `stop`, the default, or `force` the leader's row and tell of it. */
  readonly onDifference?: 'stop' | 'force'
  /** Takes over what differs from the leader first: for a copy that stopped at a difference. False by default. */
  readonly resync?: boolean
  /** Compares the copy with its leader at this distance, in milliseconds; an event `verified` tells what came of it. Never by default. */
  readonly verifyEvery?: Milliseconds
  /** The leader's secret. */
  readonly token?: Token
  readonly tls?: ConnectTls
  /** What people call this node; the machine's name by default. */
  readonly name?: string
  /** Writes a page once that several waiting entries changed; true by default, and much faster. */
  readonly merge?: boolean
  /** What to do with a copy that is not in the leader's history: take over what differs (the default), or stop for a person to look. */
  readonly onDiverged?: 'snapshot' | 'stop'
  /** Tells each message that is sent to the leader or comes from it, as an event `message`: to look at, at some cost. False by default. */
  readonly trace?: boolean
  /** Reads and checks the whole copy when it is opened, about a second a gigabyte; true by default. */
  readonly verifyOnOpen?: boolean
  /**
   * When it is open: `caught-up`, the default, when the copy has all that the leader has; `readable` as soon as there is a copy at all, which
   * may be old if the leader can't be reached.
   */
  readonly ready?: 'caught-up' | 'readable'
  /** Where the work is done: on a thread of its own (the default), or on this one, which must then leave it time. */
  readonly thread?: 'worker' | 'same'
  /** Gives up opening. A follower that is open isn't touched. */
  readonly signal?: AbortSignal
  onEvent?(event: FollowerEvent): void
}

/** A copy that follows a leader. */
export interface Follower {
  /**
   * The copy, to be read: better-sqlite3's `Database`, read-only. Any program can open the file and read it while it is written.
   *
   * @throws StemmaError REPLICA_READ_ONLY from what would write
   */
  readonly database: Database.Database
  status(): Promise<NodeStatus>
  /** Resolves when the copy has everything that the leader is known to have when this is called, or when it is connected. */
  caughtUp(): Promise<Position>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Makes or opens a copy of a leader's database and keeps it up to date. When it resolves, the copy can be read.
 *
 * It waits for a leader that isn't there; `signal` ends that.
 *
 * @throws StemmaError ALREADY_OPEN, NOT_A_REPLICA, CLUSTER_MISMATCH, AUTHENTICATION_FAILED and others, each with a hint
 */
export async function openFollower(options: FollowerOptions): Promise<Follower> {
  const opening = Promise.withResolvers<never>()
  opening.promise.catch(() => {})
  let isReadable = (): void => {}
  const readable = new Promise<void>((resolve) => (isReadable = resolve))
  const onEvent = (event: FollowerEvent): void => {
    options.onEvent?.(event)
    if (event.kind === 'snapshot-installed') isReadable()
    if (event.kind === 'failed') opening.reject(event.error)
    // Waiting does not help against a wrong token or a refusal: whoever opens wants to know.
    if (event.kind === 'disconnected' && event.error !== undefined && isHopeless(event.error)) opening.reject(event.error)
  }
  const abort = (): void =>
    opening.reject(asStemmaError(options.signal?.reason ?? new StemmaError('CLOSED', 'opening was called off')))
  options.signal?.addEventListener('abort', abort, { once: true })
  if (options.signal?.aborted === true) abort()
  try {
    const engine = await openEngine(options, onEvent, (error) => opening.reject(error))
    try {
      const ready = options.ready === 'readable' ? hasCopy(engine, readable) : engine.caughtUp()
      ready.catch(() => {})
      await Promise.race([ready, opening.promise])
      return new OpenFollower(
        openCopyDatabase(options.database, () => options.url),
        engine,
      )
    } catch (error) {
      await engine.close()
      throw error
    }
  } finally {
    options.signal?.removeEventListener('abort', abort)
  }
}

async function hasCopy(engine: AnyEngine, installed: Promise<void>): Promise<void> {
  const { position } = await engine.status()
  if (position === undefined) await installed
}

function isHopeless({ recovery }: StemmaError): boolean {
  return recovery === 'stop' || recovery === 'fix-input'
}

/** A follower's engine, on whichever thread. */
interface AnyEngine {
  status(): Promise<NodeStatus> | NodeStatus
  caughtUp(): Promise<Position>
  close(): Promise<void>
}

class OpenFollower implements Follower {
  readonly database: Database.Database
  readonly #engine: AnyEngine
  #closing: Promise<void> | undefined

  constructor(database: Database.Database, engine: AnyEngine) {
    this.database = database
    this.#engine = engine
  }

  async status(): Promise<NodeStatus> {
    this.#mustBeOpen()
    return await this.#engine.status()
  }

  async caughtUp(): Promise<Position> {
    this.#mustBeOpen()
    return await this.#engine.caughtUp()
  }

  close(): Promise<void> {
    this.#closing ??= this.#engine.close().finally(() => this.database.close())
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #mustBeOpen(): void {
    if (this.#closing !== undefined) throw new StemmaError('CLOSED', 'this follower was closed')
  }
}

async function openEngine(
  options: FollowerOptions,
  onEvent: (event: FollowerEvent) => void,
  onDeath: (error: Error) => void,
): Promise<AnyEngine> {
  const plain: FollowerEngineOptions = {
    url: options.url,
    database: options.database,
    format: options.format ?? 'wal',
    name: options.name ?? hostname(),
    merge: options.merge ?? true,
    onDiverged: options.onDiverged ?? 'snapshot',
    ...(options.pageSize === undefined ? {} : { pageSize: options.pageSize }),
    ...(options.encoding === undefined ? {} : { encoding: options.encoding }),
    onDifference: options.onDifference ?? 'stop',
    resync: options.resync ?? false,
    trace: options.trace ?? false,
    ...(options.verifyEvery === undefined ? {} : { verifyEveryMs: options.verifyEvery }),
    verifyOnOpen: options.verifyOnOpen ?? true,
    checkSnapshots: 'unauthenticated',
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(options.tls === undefined ? {} : { tls: options.tls }),
  }
  if (options.thread === 'same') return openFollowerEngine(plain, onEvent)
  const { thread } = await openEngineThread({
    module: 'follower',
    options: plain,
    onEvent: (event) => onEvent(event as FollowerEvent),
    onDeath: (error) => {
      onEvent({ kind: 'failed', error: asStemmaError(error) })
      onDeath(error)
    },
  })
  return {
    status: () => thread.call('status') as Promise<NodeStatus>,
    caughtUp: () => thread.call('caughtUp') as Promise<Position>,
    close: () => thread.close(),
  }
}
