import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { StemmaError, type Position } from '@stemma/base'
import type { LogFormat } from '@stemma/log'
import { followersAt, neededAfter, type AckLevel, type LeaderReport } from '@stemma/protocol'
import {
  CommitGate,
  JournalMemory,
  betterSqlite3,
  checkDatabase,
  heldFiles,
  lockDatabase,
  nodeDisk,
  openLogStore,
  openSource,
  type DatabaseLock,
  type Source,
  type SourceEvent,
  type StatementsOptions,
} from '@stemma/storage'
import { isEncrypted, isWebSocket, listenLinks, parseLinkUrl, type Listener } from '@stemma/transport'
import type { LeaderEvent } from '../events.ts'
import { isForeign, loadFormats } from '../formats.ts'
import type { Questions } from '../questions/questions.ts'
import { showSnapshotReason } from '../snapshot-reason.ts'
import type { NodeStatus } from '../status.ts'
import { BufferedLog } from './buffered-log.ts'
import { EntryLogs } from './entry-logs.ts'
import { FormatGuard } from './format-guard.ts'
import { LeaderHost, type LeaderServices } from './leader-host.ts'
import type { LeaderEngineOptions, StatementJournalPlace } from './leader-options.ts'
import { asStemmaError } from '../unexpected.ts'
import { checkHistory } from './check-history.ts'
import { leaderQuestions } from './leader-questions.ts'
import { leaderStatus, sqliteVersion } from './leader-status.ts'
import { LogKeeper } from './log-keeper.ts'
import { OpenSnapshots } from './open-snapshots.ts'
import { Shipper } from './shipper.ts'

const TICK_MS = 500
const REQUEST_BYTES_MAX = 1024 * 1024
const STRANGER_WARNING_MS = 1_000

/** What `waitFor` waits for. */
export interface WaitRequest {
  /** By default: the leader's newest commit when the call is made. */
  readonly position?: Position
  readonly followers: number
  readonly level: AckLevel
  readonly timeoutMs: number
}

/** A leader at work on this thread. */
export interface LeaderEngine {
  /** Where it listens; empty when it doesn't. */
  readonly url: string
  status(): NodeStatus
  /** @throws StemmaError WAIT_TIMEOUT */
  waitFor(request: WaitRequest): Promise<Position>
  close(): Promise<void>
}

/**
 * Opens a leader: follows the database, keeps its log, and serves followers.
 *
 * @throws StemmaError of the database, the log, the formats or the listener: nothing stays open then
 */
export async function openLeaderEngine(
  options: LeaderEngineOptions,
  onEvent: (event: LeaderEvent) => void,
): Promise<LeaderEngine> {
  const [driver, disk] = [betterSqlite3, nodeDisk]
  for (const [path, fd] of options.held ?? []) heldFiles(disk).adopt(path, fd)
  const formats = await loadFormats(options.formats, {
    rowImage: options.rowImage,
    policy: options.policy,
    database: options.database,
  })
  const { path: database } = checkDatabase(options.database, { driver, disk, convertToWal: options.convertToWal })
  const lock = lockDatabase({ database, driver, disk })
  let log: BufferedLog | undefined
  try {
    log = new BufferedLog(openLogStore({ database, driver, disk }))
    for (const { name, needsSameSqlite } of formats) if (needsSameSqlite === true) log.makeBy(name, sqliteVersion())
    const engine = new Engine({ options: { ...options, database }, onEvent, formats, log, lock })
    await engine.open()
    return engine
  } catch (error) {
    log?.close()
    lock.release()
    throw error
  }
}

interface EngineParts {
  readonly options: LeaderEngineOptions
  readonly onEvent: (event: LeaderEvent) => void
  readonly formats: readonly LogFormat[]
  readonly log: BufferedLog
  readonly lock: DatabaseLock
}

class Engine implements LeaderEngine {
  readonly #parts: EngineParts
  readonly #entries: EntryLogs
  readonly #keeper: LogKeeper
  readonly #questions: Questions
  #source!: Source
  #shipper: Shipper | undefined
  #snapshots!: OpenSnapshots
  #host!: LeaderHost
  #listener: Listener | undefined
  #ticker: NodeJS.Timeout | undefined
  /** Each ends somebody's wait: a timer that runs would keep the thread. */
  readonly #waiting = new Set<() => void>()
  #closing: Promise<void> | undefined
  #warnedAt = 0

  constructor(parts: EngineParts) {
    const { log, formats, options } = parts
    this.#parts = parts
    this.#entries = new EntryLogs(formats, {
      failed: (error) => this.#warn(error),
      suspended: (format, error) => this.#suspend(format, error),
      guardOf: (format) => (isForeign(format) ? new FormatGuard(format, options.formatLimits) : undefined),
    })
    this.#questions = leaderQuestions({ database: options.database, log, formats, source: () => this.#source })
    this.#keeper = new LogKeeper({
      log,
      retention: options.retention,
      now: Date.now,
      sums: () => this.#source.sums,
      neededAfter: () => neededAfter(this.#host.leader),
      warn: (error) => this.#warn(error),
    })
  }

  get url(): string {
    return this.#listener?.url ?? ''
  }

  async open(): Promise<void> {
    const { options, log, formats, onEvent } = this.#parts
    const { gate, journal } = options
    this.#source = await openSource({
      database: options.database,
      log,
      views: formats.map(({ view }) => view),
      ...(gate === undefined ? {} : { gate: new CommitGate(gate) }),
      ...(journal === undefined ? {} : { statements: statementsOf(journal) }),
      onCommit: (commit) => this.#entries.add(commit),
      onBatch: ({ place, changedSums }) => {
        const runs = this.#entries.takeRuns()
        this.#keeper.add({ runs, place, changedSums })
        this.#shipper?.add(place.position, runs)
      },
      onEvent: (event) => this.#onSourceEvent(event),
      onScan: (done, total) => onEvent({ kind: 'scanning', done, total }),
    })
    try {
      this.#keeper.flush()
      await this.#serve()
    } catch (error) {
      await this.#source.close()
      throw error
    }
  }

  async #serve(): Promise<void> {
    const { options, log, onEvent } = this.#parts
    const source = this.#source
    await source.syncWal()
    const tip = source.place.position
    this.#host = new LeaderHost(
      {
        cluster: log.cluster,
        node: log.node,
        epoch: log.epoch,
        run: randomBytes(8).toString('hex'),
        pageSize: source.place.pageSize,
        sqlite: sqliteVersion(),
        formats: this.#entries.served.map(({ name, version, needsSameSqlite = false }) => ({ name, version, needsSameSqlite })),
        tip,
      },
      this.#services(),
    )
    this.#snapshots = new OpenSnapshots({
      source,
      disk: nodeDisk,
      database: options.database,
      onLost: (name, error) => this.#host.loseSnapshot(name, error),
    })
    const immediate = options.ship === 'immediate'
    this.#shipper = new Shipper(
      {
        immediate,
        sync: () => this.#source.syncWal(),
        ship: (position, runs) => {
          // What followers get outlives our own end: another program may take the WAL away before we are back. After a power cut the log may
          // lack its end all the same; the frames, which are synced, then give the same positions and digests again.
          // `immediate` trades that for latency: the log is written some milliseconds later, several commits at a time.
          if (!immediate) this.#keeper.flush()
          this.#host.committed(position, runs)
        },
        failed: (error) => this.#warn(error),
      },
      tip,
    )
    await this.#listen()
    source.start()
    this.#ticker = setInterval(() => this.#tick(), TICK_MS)
    log.announce(this.url)
    if (this.#listener !== undefined) onEvent({ kind: 'listening', url: this.#listener.url })
  }

  async #listen(): Promise<void> {
    const { listen, token, tls, insecure } = this.#parts.options
    if (listen === null) return
    const { host, port, scheme } = parseLinkUrl(listen, 0)
    if (isEncrypted(scheme) !== (tls !== undefined)) {
      const what =
        tls === undefined
          ? 'needs a certificate and a key'
          : 'is not encrypted, but a certificate is given; write tls:// or wss://'
      throw new StemmaError('BAD_ARGUMENT', `${listen} ${what}`)
    }
    this.#listener = await listenLinks({
      over: isWebSocket(scheme) ? 'websocket' : 'tcp',
      host,
      port,
      token,
      tls,
      insecure,
      // Followers send little; the largest are the sums of the pages that a fetch asks for.
      limits: { messageBytesMax: REQUEST_BYTES_MAX },
      onLink: (link) => this.#host.accept(link),
      onError: (error) => this.#warnOfStranger(error),
    })
  }

  status(): NodeStatus {
    const { options, log, formats } = this.#parts
    return leaderStatus({
      database: options.database,
      log,
      formats,
      place: this.#source.place,
      leader: this.#host.leader,
      walBytes: statSync(`${options.database}-wal`, { throwIfNoEntry: false })?.size ?? 0,
      work: this.#entries.work,
      now: Date.now(),
    })
  }

  async waitFor(request: WaitRequest): Promise<Position> {
    // The caller's commit is in the WAL, but perhaps nobody has looked yet.
    await this.#source.catchUp()
    const position = request.position ?? this.#source.place.position
    const isThere = (): boolean => followersAt(this.#host.leader, position, request.level) >= request.followers
    if (isThere()) return position
    return await new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer)
        stop()
        this.#waiting.delete(giveUp)
      }
      const stop = this.#host.onStep(() => {
        if (!isThere()) return
        end()
        resolve(position)
      })
      const giveUp = (): void => {
        end()
        reject(new StemmaError('CLOSED', 'the leader was closed'))
      }
      this.#waiting.add(giveUp)
      const timer = setTimeout(() => {
        end()
        const at = followersAt(this.#host.leader, position, request.level)
        const what = `${at} of ${request.followers} followers have ${position.epoch}:${position.sequence} ${request.level}`
        reject(new StemmaError('WAIT_TIMEOUT', `${what} after ${request.timeoutMs} ms`, { ...request, at }))
      }, request.timeoutMs)
    })
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    const { log, lock } = this.#parts
    clearInterval(this.#ticker)
    for (const giveUp of this.#waiting) giveUp()
    try {
      await this.#source.close()
      await this.#shipper?.idle()
      this.#host.stop()
      await this.#listener?.close()
      this.#snapshots.closeAll()
      this.#keeper.flush()
      log.announce('')
    } finally {
      this.#keeper.close()
      try {
        log.close()
      } finally {
        lock.release()
      }
    }
  }

  #services(): LeaderServices {
    return {
      now: Date.now,
      readLog: ({ upTo, ...request }) => this.#parts.log.readUpTo(upTo, request),
      checkHistory: (request) => checkHistory(this.#parts.log, request, this.#source.place),
      openSnapshot: async ({ snapshot: name }) => {
        const { place } = this.#snapshots.open(name)
        await this.#shipper?.whenShipped(place.position.sequence)
        const { position, digest, pageSize, pageCount } = place
        return { snapshot: name, position, digest, pageSize, pageCount }
      },
      readPages: ({ snapshot, first, count, have }, into) => this.#snapshots.read(snapshot, { first, count, have, into }),
      closeSnapshot: (name) => this.#snapshots.close(name),
      status: () => JSON.stringify(this.status()),
      answer: (question, signal) => this.#questions.answer(question, signal),
      report: (report) => this.#report(report),
      failed: (error) => this.#fail(error),
    }
  }

  /** Its followers would take one snapshot after another: nothing but barriers would come. */
  #suspend(format: string, error: StemmaError): void {
    this.#warn(error)
    // The log may be brought up to date before anybody can follow.
    ;(this.#host as LeaderHost | undefined)?.withdraw(format, error)
  }

  #tick(): void {
    this.#host.tick()
    this.#keeper.tick()
    this.#shipper?.retry()
  }

  #onSourceEvent(event: SourceEvent): void {
    const { onEvent } = this.#parts
    switch (event.kind) {
      case 'gap-mended':
        return onEvent({ kind: 'gap-mended', position: event.position, pages: event.pages })
      case 'rewound':
        return onEvent({ kind: 'rewound', position: event.to })
      case 'trouble':
        return this.#warn(event.error)
      case 'failed':
        return this.#fail(event.error)
      case 'restarted':
      case 'trouble-over':
    }
  }

  #report(report: LeaderReport): void {
    const { onEvent } = this.#parts
    switch (report.kind) {
      case 'follower-joined':
        return onEvent({ kind: 'follower-joined', node: report.node, peer: report.address, format: report.format })
      case 'follower-left':
        return onEvent({ kind: 'follower-left', node: report.node, why: report.error?.message ?? 'it closed the link' })
      case 'follower-needs-snapshot':
        return onEvent({ kind: 'follower-needs-snapshot', node: report.node, why: showSnapshotReason(report.why) })
      case 'follower-diverged':
        return onEvent({ kind: 'follower-diverged', node: report.node, position: report.position })
      case 'link-refused':
        return this.#warnOfStranger(report.error)
    }
  }

  /** Strangers can cause any number of these: one a second is told. */
  #warnOfStranger(error: StemmaError): void {
    const now = Date.now()
    if (now - this.#warnedAt < STRANGER_WARNING_MS) return
    this.#warnedAt = now
    this.#warn(error)
  }

  #warn(error: unknown): void {
    this.#parts.onEvent({ kind: 'warning', error: asStemmaError(error) })
  }

  #fail(error: unknown): void {
    if (this.#closing !== undefined) return
    this.#parts.onEvent({ kind: 'failed', error: asStemmaError(error) })
    this.close().catch((closing: unknown) => this.#warn(closing))
  }
}

function statementsOf({ memory, timeZone, isShared }: StatementJournalPlace): StatementsOptions {
  return { journal: new JournalMemory(memory), timeZone, mayWait: isShared }
}
