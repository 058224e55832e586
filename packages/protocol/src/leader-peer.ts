import { StemmaError, type ErrorCode, type Milliseconds, type Position } from '@stemma/base'
import type { Acks, LeaderEffect, LeaderReport, LinkId, PeerPhase } from './leader-io.ts'
import type { LeaderLimits } from './limits.ts'
import type { LeaderMessage, PageRange, SnapshotInfo, Wish } from './message.ts'

/** What a leader is, and stays while it runs. */
export interface LeaderConfig {
  /** The history that this leader writes. */
  readonly cluster: string
  readonly node: string
  readonly epoch: number
  /** A name that no other run of this leader has; made with dice by the host. At most 40 characters. */
  readonly run: string
  /** Bytes. */
  readonly pageSize: number
  /** The version of SQLite that it runs. */
  readonly sqlite: string
  /** The formats whose logs are kept. */
  readonly formats: readonly ServedFormat[]
  /** Up to where commits may be shipped at the start. */
  readonly tip: Position
}

/** A format whose log a leader keeps. */
export interface ServedFormat {
  readonly name: string
  /** The payload version that is written. */
  readonly version: number
  /** Copies must run the very version of SQLite that the leader runs. False when it is left out. */
  readonly needsSameSqlite?: boolean
}

/** One link. */
export interface Peer {
  readonly link: LinkId
  readonly address: string
  readonly phase: PeerPhase
  /** `follow` before hello. */
  readonly wants: Wish
  /** A question of its waits for the host's answer. */
  readonly asking: boolean
  /** Empty before hello. */
  readonly node: string
  readonly name: string
  readonly format: string
  readonly openedAt: Milliseconds
  readonly heardAt: Milliseconds
  readonly heartbeatAt: Milliseconds
  /** The transport takes more. */
  readonly writable: boolean
  /** The host reads log or pages for this link: one thing at a time. */
  readonly reading: boolean
  /** Where it asked to follow from. */
  readonly asked: Position | undefined
  /** Sequence of the last entry sent. */
  readonly sent: number
  /** Bytes of entries sent since `follow`, and how many may be. */
  readonly sentBytes: number
  readonly creditBytes: number
  readonly acks: Acks | undefined
  /** Where the snapshot stands that it received, until it asks to follow from there. */
  readonly installing: number | undefined
  readonly snapshot: string | undefined
  /** Ranges asked for and not yet read. */
  readonly fetches: readonly Fetch[]
}

export interface Fetch extends PageRange {
  readonly have: Uint8Array
}

/** A snapshot that the host holds open, or opens. */
export interface HeldSnapshot {
  readonly snapshot: string
  readonly node: string
  /** Undefined while its follower is away. */
  readonly link: LinkId | undefined
  /** Undefined while it is being opened. */
  readonly info: SnapshotInfo | undefined
  /** When it was last asked for, or lost its link. */
  readonly usedAt: Milliseconds
}

/** A leader's whole state: a value. */
export interface Leader {
  readonly config: LeaderConfig
  readonly limits: LeaderLimits
  readonly tip: Position
  readonly peers: ReadonlyMap<LinkId, Peer>
  readonly snapshots: ReadonlyMap<string, HeldSnapshot>
  readonly snapshotsMade: number
}

/** A step being made: what it began with is left as it was. */
export class LeaderTurn {
  config: LeaderConfig
  readonly limits: LeaderLimits
  readonly now: Milliseconds
  readonly effects: LeaderEffect[] = []
  tip: Position
  snapshotsMade: number
  readonly #begun: Leader
  #peers: Map<LinkId, Peer> | undefined
  #snapshots: Map<string, HeldSnapshot> | undefined

  constructor(leader: Leader, now: Milliseconds) {
    this.#begun = leader
    this.config = leader.config
    this.limits = leader.limits
    this.tip = leader.tip
    this.snapshotsMade = leader.snapshotsMade
    this.now = now
  }

  get peers(): ReadonlyMap<LinkId, Peer> {
    return this.#peers ?? this.#begun.peers
  }

  get snapshots(): ReadonlyMap<string, HeldSnapshot> {
    return this.#snapshots ?? this.#begun.snapshots
  }

  /** Puts a link's new state in place, and gives it. */
  put(peer: Peer): Peer {
    this.#peers ??= new Map(this.#begun.peers)
    this.#peers.set(peer.link, peer)
    return peer
  }

  remove(link: LinkId): void {
    this.#peers ??= new Map(this.#begun.peers)
    this.#peers.delete(link)
  }

  putSnapshot(snapshot: HeldSnapshot): void {
    this.#snapshots ??= new Map(this.#begun.snapshots)
    this.#snapshots.set(snapshot.snapshot, snapshot)
  }

  removeSnapshot(snapshot: string): void {
    this.#snapshots ??= new Map(this.#begun.snapshots)
    this.#snapshots.delete(snapshot)
  }

  do(effect: LeaderEffect): void {
    this.effects.push(effect)
  }

  send(peer: Peer, message: LeaderMessage): void {
    this.effects.push({ kind: 'send', link: peer.link, message })
  }

  report(report: LeaderReport): void {
    this.effects.push({ kind: 'report', report })
  }

  end(): Leader {
    const { config, limits, tip, snapshotsMade, peers, snapshots } = this
    return { config, limits, tip, snapshotsMade, peers, snapshots }
  }
}

/** Ends a link from our side: tells the other end why, closes, forgets. */
export function dismiss(turn: LeaderTurn, peer: Peer, error: StemmaError): void {
  turn.send(peer, { kind: 'bye', code: error.code, message: whatOf(error) })
  turn.do({ kind: 'close', link: peer.link, error })
  forget(turn, peer, error)
}

/** Dismisses a link that broke the protocol. */
export function dismissOffender(turn: LeaderTurn, peer: Peer, what: string): void {
  dismiss(turn, peer, leaderError('PROTOCOL_MESSAGE', `${peer.address} sent ${what}`))
}

/** A link is gone. Its snapshot waits a while for the follower to come back. */
export function forget(turn: LeaderTurn, peer: Peer, error: StemmaError | undefined): void {
  turn.remove(peer.link)
  const snapshot = peer.snapshot === undefined ? undefined : turn.snapshots.get(peer.snapshot)
  if (snapshot !== undefined) turn.putSnapshot({ ...snapshot, link: undefined, usedAt: turn.now })
  const { link, node, name, phase, address } = peer
  if (phase !== 'greeting' && phase !== 'visiting') turn.report({ kind: 'follower-left', link, node, name, error })
  else if (error !== undefined) turn.report({ kind: 'link-refused', link, address, error })
}

/** An error's message without its code. */
export function whatOf(error: StemmaError): string {
  return error.message.slice(error.code.length + 2)
}

export function leaderError(code: ErrorCode, message: string): StemmaError {
  return new StemmaError(code, message)
}
