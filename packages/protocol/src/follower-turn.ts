import { StemmaError, type ErrorCode, type Milliseconds, type Position } from '@stemma/base'
import type { Assembling } from './assembly.ts'
import type { FollowerEffect, FollowerPhase, FollowerReport, Held } from './follower-io.ts'
import type { FollowerLimits } from './limits.ts'
import type { FollowerMessage, FormatOffer, SnapshotInfo } from './message.ts'

/** What a follower is, and stays while it runs. */
export interface FollowerConfig {
  readonly node: string
  /** What people call this node; may be empty. */
  readonly name: string
  /** Version of the SQLite library. */
  readonly sqlite: string
  /** Best first. */
  readonly formats: readonly FormatOffer[]
  /** What to do when the copy turns out not to be in the leader's history: take a snapshot, or stop for a person to look. */
  readonly onDiverged: 'snapshot' | 'stop'
  readonly held: Held
  /** Up to where the copy survives a power cut. */
  readonly durable: Position | undefined
  /** The snapshot that an earlier run had begun to receive. */
  readonly resume: string | undefined
}

/** What the leader said of itself. */
export interface KnownLeader {
  readonly node: string
  readonly cluster: string
  readonly epoch: number
  readonly format: string
  readonly formatVersion: number
  readonly pageSize: number
}

/** The newest that is known of the leader's tip. */
export interface Tip {
  readonly position: Position
  /** By the leader's clock. */
  readonly time: Milliseconds
  /** When it was heard, by ours. */
  readonly heardAt: Milliseconds
}

/** A snapshot being received. */
export interface Fetching {
  readonly info: SnapshotInfo
  /** First page not asked for yet. */
  readonly next: number
  /** Pages there already. */
  readonly done: number
  /** The host has pages whose sums are worth sending. */
  readonly compare: boolean
  /** Ranges in work, by their first page. */
  readonly ranges: ReadonlyMap<number, { readonly count: number; readonly state: 'summing' | 'asked' | 'writing' }>
}

/** A follower's whole state: a value. */
export interface Follower {
  readonly config: FollowerConfig
  readonly limits: FollowerLimits
  readonly phase: FollowerPhase
  readonly held: Held
  readonly durable: Position | undefined
  /** By the leader's clock; of the last entry applied. */
  readonly committedAt: Milliseconds | undefined
  readonly leader: KnownLeader | undefined
  readonly tip: Tip | undefined
  readonly caughtUp: boolean
  /** Sequence of the last entry received, all of which were handed to the host. */
  readonly received: number
  /** Questions about snapshots that the host has not answered. */
  readonly pending: number
  readonly receivedBytes: number
  readonly creditBytes: number
  /** Bytes received in all up to some sequences, oldest first: to know what was consumed. Few. */
  readonly marks: readonly { readonly sequence: number; readonly bytes: number }[]
  readonly assembling: Assembling | undefined
  readonly fetching: Fetching | undefined
  readonly resume: string | undefined
  readonly heardAt: Milliseconds
  /** Since when the leader owes an answer, or what it says to have. */
  readonly waitingSince: Milliseconds
  /** When the copy last turned out to differ. */
  readonly differedAt: Milliseconds | undefined
}

/** A step being made: what it began with is left as it was. */
export class FollowerTurn {
  state: Follower
  readonly now: Milliseconds
  readonly effects: FollowerEffect[] = []

  constructor(follower: Follower, now: Milliseconds) {
    this.state = follower
    this.now = now
  }

  set(change: Partial<Follower>): void {
    this.state = { ...this.state, ...change }
  }

  /** Goes into a phase, in which an answer is waited for from now on. */
  enter(phase: FollowerPhase, change: Partial<Follower> = {}): void {
    this.state = { ...this.state, ...change, phase, waitingSince: this.now }
  }

  do(effect: FollowerEffect): void {
    this.effects.push(effect)
  }

  send(message: FollowerMessage): void {
    this.effects.push({ kind: 'send', message })
  }

  report(report: FollowerReport): void {
    this.effects.push({ kind: 'report', report })
  }
}

/** Sequence at which the copy stands; 0 when there is none, or it is not known. */
export function heldSequence({ held }: Follower): number {
  return held.kind === 'copy' ? held.position.sequence : 0
}

/** Nothing that was handed to the host is still being worked on. */
export function isQuiet(follower: Follower): boolean {
  return follower.pending === 0 && (follower.held.kind !== 'copy' || heldSequence(follower) >= follower.received)
}

/** Gives up the link; another will be made. */
export function disconnect(turn: FollowerTurn, error: StemmaError, retryAfterMs = 0): void {
  turn.do({ kind: 'disconnect', error, retryAfterMs })
  goOffline(turn, error)
}

/** Gives up for good. */
export function stop(turn: FollowerTurn, error: StemmaError): void {
  turn.do({ kind: 'stop', error })
  turn.set({ phase: 'stopped', fetching: undefined, assembling: undefined, caughtUp: false })
}

/** The link is gone. What was handed to the host goes on. */
export function goOffline(turn: FollowerTurn, error: StemmaError | undefined): void {
  turn.report({ kind: 'disconnected', error })
  turn.set({ phase: 'offline', fetching: undefined, assembling: undefined, caughtUp: false })
}

/** The leader sent what makes no sense. */
export function refuseMessage(turn: FollowerTurn, what: string): void {
  disconnect(turn, followerError('PROTOCOL_MESSAGE', `the leader sent ${what}`))
}

export function followerError(code: ErrorCode, message: string): StemmaError {
  return new StemmaError(code, message)
}
