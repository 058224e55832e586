import { type LeaderEvent, type NodeStatus, openLeader, readLog } from 'stemma'
import { optionsOfChild, serveCalls, tellParent } from './child-calls.ts'
import { type Dump, dumpDatabase } from './dump.ts'
import { type Load, startLoad } from './load.ts'
import type { Policy, ShownEntry, SqlResult } from '../wire.ts'
import { runSql } from './sql.ts'
import { openWorkload } from './workloads.ts'

/** What the leader's process is told when it is started. */
export interface LeaderChildOptions {
  readonly database: string
  readonly listen: string
  readonly formats: readonly string[]
  readonly policy: Policy
}

export type LeaderChildEvent =
  | { readonly kind: 'leader'; readonly event: LeaderEvent; readonly text: string | undefined }
  /** The load has ended by itself, since a transaction failed. */
  | { readonly kind: 'load-failed'; readonly message: string }

export interface LoadRequest {
  readonly workload: string
  /** Of the workload `sql`: what one transaction runs. */
  readonly sql: string
  readonly rate: number
  /** Of the dice: what is written with equal seeds is equal. */
  readonly seed: number
}

export interface Ran {
  readonly transactions: number
  readonly tookMs: number
  readonly slowestMs: number
}

/** What of an entry's bytes is shown at most. */
const SHOWN_BYTES = 512
const SHOWN_DETAILS = 40

// A leader in a process of its own, with the program that writes to it.

const options = optionsOfChild<LeaderChildOptions>()
const { policy, ...rest } = options
const leader = await openLeader({
  ...rest,
  statements: { policy },
  onEvent: (event) => tellParent({ kind: 'leader', event: plain(event), text: undefined } satisfies LeaderChildEvent),
})
let load: Load | undefined

const methods = {
  url: () => leader.url,
  status: (): Promise<NodeStatus> => leader.status(),
  /** Makes a workload's tables, so that nothing but its transactions is measured. */
  prepare(request: LoadRequest): void {
    openWorkload(leader.database, request)
  },
  startLoad(request: LoadRequest): void {
    load?.stop()
    load = startLoad(openWorkload(leader.database, request), request)
    load.ended.catch((error: unknown) => tellParent({ kind: 'load-failed', message: String(error) } satisfies LeaderChildEvent))
  },
  stopLoad(): Ran {
    load?.stop()
    const ran = { transactions: load?.transactions ?? 0, tookMs: load?.tookMs ?? 0, slowestMs: load?.slowestMs ?? 0 }
    load = undefined
    return ran
  },
  /** Runs so many transactions of a workload. */
  async run(request: LoadRequest & { readonly total: number }): Promise<Ran> {
    const run = startLoad(openWorkload(leader.database, request), request)
    await run.ended
    return { transactions: run.transactions, tookMs: run.tookMs, slowestMs: run.slowestMs }
  },
  /** Resolves when so many followers have everything that was committed before. */
  async wait({ followers, timeoutMs }: { readonly followers: number; readonly timeoutMs: number }): Promise<void> {
    await leader.waitFor({ followers, level: 'applied', timeoutMs })
  },
  sql: (text: string): SqlResult => runSql(leader.database, text),
  dump: (): Dump => dumpDatabase(leader.database),
  async log({ format, limit }: { readonly format: string; readonly limit: number }): Promise<ShownEntry[]> {
    const entries = await readLog({ database: options.database, format, limit })
    return entries.map(({ position, committedAt, summary, details, bytes, payload }) => ({
      position: position.sequence,
      committedAt,
      summary,
      details: details.slice(0, SHOWN_DETAILS),
      byteLength: bytes.byteLength,
      payloadAt: Buffer.from(bytes).indexOf(Buffer.from(payload)),
      hex: Buffer.from(bytes.subarray(0, SHOWN_BYTES)).toString('hex'),
    }))
  },
  async close(): Promise<void> {
    load?.stop()
    await leader.close()
  },
}
export type LeaderMethods = typeof methods
serveCalls(methods)

/** Errors don't travel well: what they say does. */
function plain(event: LeaderEvent): LeaderEvent {
  return 'error' in event ? ({ ...event, error: { code: event.error.code, message: event.error.message } } as LeaderEvent) : event
}
