import { rmSync } from 'node:fs'
import Database from 'better-sqlite3'
import { openFollower, openLeader, type Follower, type FollowerEvent, type Leader } from 'stemma'
import { openSink, type Sink } from './sink.ts'
import { measureSource, type SourceTask } from './source-cost.ts'
import { newWorkload, type Workload } from './workload.ts'
import { write } from './write.ts'

/** What a child process is told to do, one thing after another. Times are in milliseconds. */
export type Task =
  /** Opens what the others use. `led` opens a leader whose database the writer writes to; `plain` knows nothing of Stemma. */
  | { readonly kind: 'open-plain'; readonly database: string }
  | {
      readonly kind: 'open-leader'
      readonly database: string
      readonly ship: 'synced' | 'immediate'
      readonly thread: 'worker' | 'same'
      readonly token?: Uint8Array | undefined
      /** The one format that it serves: `wal` by default. */
      readonly format?: Format | undefined
      readonly rowImage?: 'full' | 'changed' | undefined
      /** What `statement` does with statements that are not safe; `mixed` by default. */
      readonly policy?: Policy | undefined
    }
  | {
      readonly kind: 'open-follower'
      readonly url: string
      readonly database: string
      readonly merge: boolean
      readonly token?: Uint8Array | undefined
      /** A file to be removed once there is a connection, so that its memory is at hand. */
      readonly spare?: string
      readonly format?: Format | undefined
    }
  | { readonly kind: 'open-sink'; readonly url: string; readonly format?: Format | undefined }
  | ({ readonly kind: 'measure-source' } & SourceTask)
  /** Writes as fast as it can. */
  | { readonly kind: 'write'; readonly workload: Workload; readonly seconds: number }
  | { readonly kind: 'write-count'; readonly workload: Workload; readonly count: number }
  /** Writes at a rate, and gives the moment when each commit returned. */
  | { readonly kind: 'write-paced'; readonly workload: Workload; readonly count: number; readonly perSecond: number }
  /** Looks at the copy until this many rows are there, and gives the moment when each was first seen. */
  | { readonly kind: 'watch'; readonly firstId: number; readonly count: number }
  | { readonly kind: 'reach'; readonly sequence: number }
  | { readonly kind: 'facts' }
  | { readonly kind: 'close' }

export type Format = 'wal' | 'row' | 'statement'
export type Policy = 'mixed' | 'record' | 'raw'

export interface Opened {
  readonly url: string
  /** From the call until it could be used. */
  readonly tookMs: number
  /** A follower: from the connection until it was caught up. */
  readonly caughtUpMs: number
  /** A follower that took a snapshot: from its last page until it was the copy. */
  readonly settledMs: number
  /** A follower: whether it took a snapshot. */
  readonly tookSnapshot: boolean
}

export interface Facts {
  /** CPU time of the process so far, in microseconds: all of it, and that of its main thread. */
  readonly cpuUs: number
  readonly mainCpuUs: number
  readonly rssBytes: number
  /** Of a sink or a leader: the newest commit. */
  readonly sequence: number
  /** Of a sink. */
  readonly bytesReceived: number
}

/** Moments by the machine's steady clock, which all its processes share; in milliseconds. */
export type Moments = Float64Array

const open: { plain?: Database.Database; leader?: Leader; follower?: Follower; sink?: Sink } = {}

process.on('message', (task: Task) => {
  run(task).then(
    (result) => process.send!({ result }),
    (error: unknown) => process.send!({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))

async function run(task: Task): Promise<unknown> {
  switch (task.kind) {
    case 'open-plain':
      open.plain = new Database(task.database)
      return
    case 'open-leader':
      return await timed(async () => {
        const { database, ship, thread, token, format = 'wal', rowImage = 'full', policy = 'mixed' } = task
        const options = { database, ship, thread, formats: [format], rowImage, statements: { policy } }
        open.leader = await openLeader({ ...options, ...(token === undefined ? {} : { token }) })
        return open.leader.url
      })
    case 'open-follower':
      return await follow(task)
    case 'open-sink':
      open.sink = await openSink(task.url, task.format)
      return
    case 'measure-source':
      return await measureSource(task)
    case 'write':
      return write(newWorkload(writer(), task.workload, 7), Infinity, task.seconds)
    case 'write-count':
      return write(newWorkload(writer(), task.workload, 7), task.count, Infinity)
    case 'write-paced':
      return writePaced(newWorkload(writer(), task.workload, 7), task.count, task.perSecond)
    case 'watch':
      return watch(open.follower!.database, task.firstId, task.count)
    case 'reach':
      if (open.sink !== undefined) await open.sink.reached(task.sequence)
      if (open.follower !== undefined) await followerReached(open.follower, task.sequence)
      return
    case 'facts':
      return await facts()
    case 'close':
      await open.follower?.close()
      await open.leader?.close()
      open.sink?.close()
      open.plain?.close()
  }
}

function writer(): Database.Database {
  return open.leader?.database ?? open.plain!
}

async function timed(work: () => Promise<string>): Promise<Opened> {
  const start = performance.now()
  const url = await work()
  return { url, tookMs: performance.now() - start, caughtUpMs: 0, settledMs: 0, tookSnapshot: false }
}

async function follow(task: Extract<Task, { readonly kind: 'open-follower' }>): Promise<Opened> {
  const { url, database, merge, token, spare, format = 'wal' } = task
  let connectedAt = 0
  let tookSnapshot = false
  let lastPageAt = 0
  let settledMs = 0
  let failure: Error | undefined
  const onEvent = (event: FollowerEvent): void => {
    if (event.kind === 'connected') {
      connectedAt = performance.now()
      if (spare !== undefined) rmSync(spare)
    }
    if (event.kind === 'snapshot-started') tookSnapshot = true
    if (event.kind === 'snapshot-progress' && event.done === event.total) lastPageAt = performance.now()
    if (event.kind === 'snapshot-installed') settledMs = performance.now() - lastPageAt
    if (event.kind === 'failed') failure = event.error
  }
  const opened = await timed(async () => {
    open.follower = await openFollower({ url, database, merge, format, onEvent, ...(token === undefined ? {} : { token }) })
    return url
  })
  if (failure !== undefined) throw failure
  return { ...opened, caughtUpMs: performance.now() - connectedAt, settledMs, tookSnapshot }
}

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

const bell = new Int32Array(new SharedArrayBuffer(4))

function writePaced(step: () => void, count: number, perSecond: number): Moments {
  const moments = new Float64Array(count)
  const start = now()
  for (let i = 0; i < count; i++) {
    const due = start + (i * 1000) / perSecond
    for (let wait = due - now(); wait > 0; wait = due - now()) Atomics.wait(bell, 0, 0, wait)
    step()
    moments[i] = now()
  }
  return moments
}

function watch(database: Database.Database, firstId: number, count: number): Moments {
  const moments = new Float64Array(count)
  const newest = database.prepare('SELECT max(id) FROM item').pluck()
  for (let seen = 0; seen < count;) {
    const ids = (newest.get() as number) - firstId + 1
    const moment = now()
    while (seen < Math.min(ids, count)) moments[seen++] = moment
    // A look every 50 microseconds or so; both cores are needed for other things.
    Atomics.wait(bell, 0, 0, 0.05)
  }
  return moments
}

async function followerReached(follower: Follower, sequence: number): Promise<void> {
  for (;;) {
    const position = await follower.caughtUp()
    if (position.sequence >= sequence) return
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

async function facts(): Promise<Facts> {
  const { user, system } = process.cpuUsage()
  const main = 'threadCpuUsage' in process ? process.threadCpuUsage() : { user: 0, system: 0 }
  // Of a leader: everything that was committed before the question. A mended gap counts as one commit.
  const position = await (open.leader?.waitFor({ followers: 0 }) ?? open.follower?.status().then((status) => status.position))
  const sequence = open.sink?.sequence ?? position?.sequence ?? 0
  return {
    cpuUs: user + system,
    mainCpuUs: main.user + main.system,
    rssBytes: process.memoryUsage.rss(),
    sequence,
    bytesReceived: open.sink?.bytesReceived ?? 0,
  }
}
