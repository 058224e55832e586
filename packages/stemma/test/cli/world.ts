import type { ErrorCode } from '@stemma/base'
import { StemmaError } from '@stemma/base'
import type { Context } from '../../src/cli/context.ts'
import type { DatabaseDigest, Engine, FollowOptions, RunningNode, ServeOptions, StatusOptions } from '../../src/cli/engine.ts'
import type { LogReader } from '../../src/log/log-file.ts'
import type { VerifyResult } from '../../src/verify/verify-result.ts'
import { runCommand } from '../../src/cli/program.ts'
import type { FeedEntry } from '../../src/changes/feed-entry.ts'
import type { TargetChanges, TargetFeed } from '../../src/changes/open-target.ts'
import type { FollowerEvent, LeaderEvent } from '../../src/events.ts'
import type { NodeStatus } from '../../src/status.ts'

/** A command that runs in a world of the test's making. */
export interface Run {
  readonly exitCode: Promise<number>
  /** What was written so far. */
  output(): string
  errors(): string
  /** The records of `--json`. */
  records(): Record<string, unknown>[]
  /** Exit codes that the process was made to end with at once. */
  readonly exits: readonly number[]
  /** What the engine was asked, in order: `open leader`, `close leader`. */
  readonly calls: readonly string[]
  readonly asked: { serve?: ServeOptions; follow?: FollowOptions; status?: StatusOptions }
  /** As if the engine had told of it. */
  tell(event: LeaderEvent | FollowerEvent): void
  press(signal: 'SIGINT' | 'SIGTERM'): void
  /** Lets time pass, in milliseconds. */
  pass(ms: number): void
}

export interface World {
  readonly isTTY?: boolean
  readonly env?: Record<string, string>
  readonly status?: NodeStatus
  readonly digests?: Record<string, DatabaseDigest>
  readonly log?: LogReader
  readonly changes?: TargetChanges
  readonly payloads?: TargetFeed<FeedEntry>
  readonly verified?: VerifyResult
  /** Writing fails with this. */
  readonly writeFailure?: Error
  /** Opening fails with this. */
  readonly failure?: Error
}

export function failure(code: ErrorCode, message: string): StemmaError {
  return new StemmaError(code, message)
}

/** Starts the command. It runs until its first wait before this returns. */
export function start(line: string, world: World = {}): Run {
  let [output, errors, now] = ['', '', 0]
  const exits: number[] = []
  const calls: string[] = []
  const asked: Run['asked'] = {}
  const listeners = new Map<string, Set<() => void>>([
    ['SIGINT', new Set()],
    ['SIGTERM', new Set()],
  ])
  let tell: (event: never) => void = () => {}
  const open = (what: string): Promise<RunningNode> => {
    calls.push(`open ${what}`)
    if (world.failure !== undefined) return Promise.reject(world.failure)
    return Promise.resolve({
      status: () => Promise.resolve(world.status ?? Promise.reject(new Error('no status'))),
      close: () => Promise.resolve(void calls.push(`close ${what}`)),
    })
  }
  const engine: Engine = {
    openLeader(options) {
      asked.serve = options
      tell = options.onEvent as typeof tell
      return open('leader')
    },
    openFollower(options) {
      asked.follow = options
      tell = options.onEvent as typeof tell
      return open('follower')
    },
    readStatus(options) {
      asked.status = options
      return world.failure === undefined ? Promise.resolve(world.status!) : Promise.reject(world.failure)
    },
    digestDatabase(database) {
      const digest = world.digests?.[database]
      return digest === undefined ? Promise.reject(world.failure) : Promise.resolve(digest)
    },
    readLog: () => world.log!,
    openChanges: () => Promise.resolve(world.changes!),
    openPayloads: () => Promise.resolve(world.payloads!),
    verify: () => (world.verified === undefined ? Promise.reject(world.failure) : Promise.resolve(world.verified)),
  }
  const context: Context = {
    engine,
    output: { isTTY: world.isTTY ?? false, columns: 100, write: (text) => (output += text) },
    writeOut: (what) =>
      world.writeFailure === undefined
        ? Promise.resolve(void (output += Buffer.from(what).toString()))
        : Promise.reject(world.writeFailure),
    errors: { write: (text) => (errors += text) },
    signals: {
      on: (signal, listener) => listeners.get(signal)?.add(listener),
      off: (signal, listener) => listeners.get(signal)?.delete(listener),
      exit(code) {
        exits.push(code)
        return undefined as never
      },
    },
    env: world.env ?? {},
    now: () => now,
    every: () => () => {},
  }
  return {
    exitCode: runCommand(
      line.split(' ').filter((arg) => arg !== ''),
      context,
    ),
    output: () => output,
    errors: () => errors,
    records: () =>
      output
        .trim()
        .split('\n')
        .map((each) => JSON.parse(each) as Record<string, unknown>),
    exits,
    calls,
    asked,
    tell: (event) => tell(event as never),
    press: (signal) => listeners.get(signal)?.forEach((listener) => listener()),
    pass: (ms) => void (now += ms),
  }
}

/** Waits until the command has asked for a leader or follower, and lets everything that is ready to run do so. */
export async function opened({ calls }: Run): Promise<void> {
  do await new Promise((resolve) => setImmediate(resolve))
  while (calls.length === 0)
}
