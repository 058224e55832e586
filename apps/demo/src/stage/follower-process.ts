import type { Database } from 'better-sqlite3'
import { type Follower, type FollowerEvent, type NodeStatus, StemmaError, openFollower, verifyCopy } from 'stemma'
import { optionsOfChild, serveCalls, tellParent } from './child-calls.ts'
import { type Dump, dumpDatabase } from './dump.ts'
import type { SqlResult } from '../wire.ts'
import { runSql } from './sql.ts'

/** What a follower's process is told when it is started. */
export interface FollowerChildOptions {
  readonly url: string
  /** Where to ask the leader about its rows: not by the link that the demo may cut. */
  readonly leader: string
  readonly database: string
  readonly format: string
  readonly name: string
  /** Takes over what differs first. */
  readonly resync: boolean
}

/** An event whose errors are what they say. */
export type FollowerChildEvent = Exclude<FollowerEvent, { readonly error: unknown }> | FailureEvent

export interface FailureEvent {
  readonly kind: 'disconnected' | 'resync' | 'warning' | 'failed'
  readonly error: { readonly code: string; readonly message: string; readonly hint: string } | undefined
}

export interface Proof {
  readonly equal: boolean
  readonly position: number
  readonly what: string
}

// A follower in a process of its own, which the demo may kill at any moment.

const options = optionsOfChild<FollowerChildOptions>()
const stop = new AbortController()
let follower: Follower | undefined
const opening = open()
opening.catch(() => {})

const methods = {
  /** Resolves when the copy can be read. */
  opened: () => opening,
  status: async (): Promise<NodeStatus | undefined> => await follower?.status(),
  /** Resolves when it has everything that the leader has now. */
  async caughtUp(): Promise<void> {
    await opening
    await follower?.caughtUp()
  },
  dump: async (): Promise<Dump> => read(dumpDatabase),
  integrity: async (): Promise<string> => read((database) => String(database.pragma('integrity_check', { simple: true }))),
  sql: async (text: string): Promise<SqlResult> => read((database) => runSql(database, text)),
  async verify(): Promise<Proof> {
    const { database, leader } = options
    const result = await verifyCopy({ leader, database, signal: stop.signal })
    const position = result.position.sequence
    if (result.kind === 'differs') return { equal: false, position, what: result.what }
    const what = result.tables === 0 ? 'the digest of all pages is the leader’s' : `${result.tables} tables, ${result.rows} rows`
    return { equal: true, position, what }
  },
  async close(): Promise<void> {
    stop.abort()
    await opening.catch(() => {})
    await follower?.close()
  },
}
export type FollowerMethods = typeof methods
serveCalls(methods)

async function open(): Promise<void> {
  const { url, database, format, name, resync } = options
  follower = await openFollower({
    url,
    database,
    format,
    name,
    resync,
    trace: true,
    ready: 'readable',
    // The process does nothing else: a thread more would only make it slower to start.
    thread: 'same',
    signal: stop.signal,
    onEvent: (event) => tellParent(plain(event)),
  })
}

async function read<T>(work: (database: Database) => T): Promise<T> {
  await opening
  if (follower === undefined) throw new Error('there is no copy yet')
  return work(follower.database)
}

function plain(event: FollowerEvent): FollowerChildEvent {
  if (!('error' in event)) return event
  const { kind, error } = event
  return { kind, error: error === undefined ? undefined : describe(error) }
}

function describe(error: Error): NonNullable<FailureEvent['error']> {
  const known = StemmaError.is(error) ? error : undefined
  return { code: known?.code ?? '', message: error.message, hint: known?.hint ?? '' }
}
