import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { StemmaError, showPosition, type Position } from '@stemma/base'
import type { DecodedEntry, LogFormat, TableLayout } from '@stemma/log'
import type { FeedReport } from '@stemma/protocol'
import { connectLink, keepConnected, type ConnectTls, type Token } from '@stemma/transport'
import { loadRowFormat } from '../formats.ts'
import { openAsker } from '../questions/ask-leader.ts'
import type { SchemaRequest } from '../questions/schema-at.ts'
import { checkSchemaAnswer } from '../questions/schema-question.ts'
import { asStemmaError } from '../unexpected.ts'
import { readCommit, type ChangeCommit } from './change-commit.ts'
import { readFeedEntry, type FeedEntry } from './feed-entry.ts'
import { FeedHost } from './feed-host.ts'
import { layoutsOf } from './find-layouts.ts'
import { KnownLayouts } from './known-layouts.ts'

const TICK_MS = 500
/** Between two tries to ask a leader that is away. */
const ASK_AGAIN_MS = 500

/** Whose changes are read, and from where on. */
export interface ChangesOptions {
  /** Where the leader listens: `tcp://host:port`, or with `tls`, `ws` or `wss`. It must serve the format `row`. */
  readonly url: string
  /** Changes are given from behind this position: the one of the last commit that was dealt with. Without it: from now on. */
  readonly from?: Position | undefined
  /** Changes of these tables only; of all by default. Commits are given all the same, with nothing in them. */
  readonly tables?: readonly string[] | undefined
  /** The leader's secret. */
  readonly token?: Token | undefined
  readonly tls?: ConnectTls | undefined
  /** What the leader calls this reader in its status; the machine's name by default. */
  readonly name?: string | undefined
  /** Gives up opening. Changes that are open aren't touched. */
  readonly signal?: AbortSignal | undefined
  onEvent?(event: ChangesEvent): void
}

/** Things that a reader of changes may want to know. */
export type ChangesEvent =
  | { readonly kind: 'connected'; readonly url: string; readonly tip: Position }
  /** It connects again by itself, and goes on without a gap. */
  | { readonly kind: 'disconnected'; readonly error: StemmaError | undefined }

/**
 * The changes of a leader's database, commit by commit, to be walked once.
 *
 * Each commit is given at least once: a program that notes the position of a commit when it has dealt with it, and opens with it after a
 * restart, misses none. Asking for the next commit says that the last one was dealt with. A slow reader holds up nothing but itself: some MiB of
 * entries wait in memory, the rest in the leader's log.
 */
export type Changes = Feed<ChangeCommit>

/** Commits of a leader in some form, to be walked once: what `Changes` promise. */
export interface Feed<T> extends AsyncIterable<T> {
  /** Everything up to here was given and dealt with. */
  readonly position: Position
  /** Ends it: a walk that is under way ends without an error. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Opens the changes of a leader's database. Resolves when the leader has said from where they come.
 *
 * It waits for a leader that isn't there; `signal` ends that. What is opened throws from its walk: POSITION_NOT_KEPT when it was away for so long
 * that the leader's log no longer reaches back, POSITION_UNKNOWN when the leader lost commits that had been given.
 *
 * @throws StemmaError POSITION_NOT_KEPT, POSITION_UNKNOWN, NO_COMMON_FORMAT, AUTHENTICATION_FAILED and others, each with a hint
 */
export async function openChanges(options: ChangesOptions): Promise<Changes> {
  const format = await loadRowFormat()
  const known = new KnownLayouts()
  const filter = { tables: options.tables === undefined ? undefined : new Set(options.tables) }
  return await openFeed(options, format, (entry, feed) =>
    readCommit(entry, { format, known, filter, findLayouts: (request) => feed.findLayouts(request) }),
  )
}

/**
 * Opens the log of a leader in some format, whose payloads are given as they are.
 *
 * @throws StemmaError as `openChanges` does
 */
export async function openPayloads(
  options: Omit<ChangesOptions, 'tables'>,
  format: Pick<LogFormat, 'name' | 'reads'>,
): Promise<Feed<FeedEntry>> {
  return await openFeed(options, format, async (entry) => await Promise.resolve(readFeedEntry(entry)))
}

async function openFeed<T>(
  options: ChangesOptions,
  format: Pick<LogFormat, 'name' | 'reads'>,
  read: (entry: DecodedEntry, feed: OpenFeed<T>) => Promise<T>,
): Promise<Feed<T>> {
  const feed = new OpenFeed(options, format, read)
  const abort = (): void => feed.fail(asStemmaError(options.signal?.reason))
  options.signal?.addEventListener('abort', abort, { once: true })
  if (options.signal?.aborted === true) abort()
  try {
    await feed.open()
    return feed
  } catch (error) {
    await feed.close()
    throw error
  } finally {
    options.signal?.removeEventListener('abort', abort)
  }
}

class OpenFeed<T> implements Feed<T> {
  readonly #options: ChangesOptions
  readonly #read: (entry: DecodedEntry, feed: OpenFeed<T>) => Promise<T>
  readonly #host: FeedHost
  readonly #stop = new AbortController()
  readonly #opened = Promise.withResolvers<Position>()
  #walk: AsyncGenerator<T, void, undefined> | undefined
  #position: Position | undefined
  /** The digest behind the last entry that was given. */
  #digest: bigint | undefined
  #failure: StemmaError | undefined
  #connection: Promise<void> = Promise.resolve()
  #ticker: NodeJS.Timeout | undefined
  #isConnected = false

  constructor(
    options: ChangesOptions,
    format: Pick<LogFormat, 'name' | 'reads'>,
    read: (entry: DecodedEntry, feed: OpenFeed<T>) => Promise<T>,
  ) {
    this.#options = options
    this.#read = read
    this.#opened.promise.catch(() => {})
    const formats = [{ name: format.name, versions: format.reads }]
    const node = randomBytes(16).toString('hex')
    const name = options.name ?? hostname()
    this.#host = new FeedHost(
      { node, name, sqlite: '', formats, cluster: undefined, from: options.from },
      { now: Date.now, stop: (error) => this.fail(error), report: (report) => this.#report(report) },
    )
  }

  get position(): Position {
    return this.#position!
  }

  async open(): Promise<void> {
    const { url, token, tls } = this.#options
    this.#connection = keepConnected({
      connect: (onLink, signal) => connectLink({ url, token, tls, onLink, signal }),
      onLink: (link) => this.#host.accept(link),
      onDown: (error) => this.#onDown(error),
      signal: this.#stop.signal,
    }).catch((error: unknown) => this.fail(asStemmaError(error)))
    this.#ticker = setInterval(() => this.#host.step({ kind: 'tick' }), TICK_MS)
    this.#position = await this.#opened.promise
  }

  [Symbol.asyncIterator](): AsyncIterator<T, void, undefined> {
    return (this.#walk ??= this.#commits())
  }

  async close(): Promise<void> {
    clearInterval(this.#ticker)
    this.#stop.abort()
    this.#host.wake()
    await this.#connection
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Nothing more can come. What was taken before is given first. */
  fail(error: StemmaError): void {
    this.#failure ??= error
    this.#opened.reject(error)
    this.#host.wake()
  }

  async *#commits(): AsyncGenerator<T, void, undefined> {
    try {
      while (!this.#stop.signal.aborted) {
        const entry = this.#host.next()
        if (entry === undefined) {
          if (this.#failure !== undefined) throw this.#failure
          await this.#host.arrival()
          continue
        }
        const commit = await this.#commitOf(entry)
        if (commit === undefined) return
        yield commit
        this.#position = entry.position
        this.#host.consumed(entry)
      }
    } finally {
      await this.close()
    }
  }

  /** Undefined when it was closed meanwhile. */
  async #commitOf(entry: DecodedEntry): Promise<T | undefined> {
    if (this.#digest !== undefined && entry.digestBefore !== this.#digest) {
      const what = `the leader's history is not the one that was read up to ${showPosition(this.position)}`
      throw new StemmaError('POSITION_UNKNOWN', what, { position: this.position })
    }
    this.#digest = entry.digest
    try {
      return await this.#read(entry, this)
    } catch (error) {
      if (this.#stop.signal.aborted) return undefined
      throw error
    }
  }

  /** Asks the leader how tables looked, again and again while it can't be reached. */
  async findLayouts(request: SchemaRequest): Promise<ReadonlyMap<string, TableLayout>> {
    const { url, token, tls } = this.#options
    const { signal } = this.#stop
    for (;;) {
      try {
        const asker = await openAsker({ url, token, tls, signal })
        try {
          return layoutsOf(checkSchemaAnswer(await asker.ask({ ask: 'schema', ...request })))
        } finally {
          asker.close()
        }
      } catch (error) {
        if (signal.aborted || asStemmaError(error).recovery !== 'retry') throw error
        await pause(ASK_AGAIN_MS, undefined, { signal })
      }
    }
  }

  #report(report: FeedReport): void {
    const { url, onEvent } = this.#options
    switch (report.kind) {
      case 'connected':
        this.#isConnected = true
        return onEvent?.({ kind: 'connected', url, tip: report.tip })
      case 'disconnected':
        return onEvent?.({ kind: 'disconnected', error: report.error })
      case 'going-on':
        return this.#opened.resolve(report.position)
    }
  }

  #onDown(error: StemmaError | undefined): void {
    if (!this.#isConnected) this.#options.onEvent?.({ kind: 'disconnected', error })
    this.#isConnected = false
    // Whoever opens wants to know what waiting does not mend.
    if (error !== undefined && (error.recovery === 'stop' || error.recovery === 'fix-input')) this.#opened.reject(error)
  }
}
