import { decodeEntry, decodeEntryHead } from '@stemma/log'
import {
  decodeMessage,
  encodeMessage,
  newFollower,
  stepFollower,
  type Follower,
  type FollowerEffect,
  type FollowerInput,
} from '@stemma/protocol'
import { connectTcp, type Link } from '@stemma/transport'
import Database from 'better-sqlite3'

function sqliteVersion(): string {
  const database = new Database(':memory:')
  try {
    return String(database.prepare('SELECT sqlite_version()').pluck().get())
  } finally {
    database.close()
  }
}

/** A peer that takes everything, says it has it, and drops it. */
export interface Sink {
  /** The newest commit that came. */
  readonly sequence: number
  /** Bytes that came in over the network, with all headers. */
  readonly bytesReceived: number
  /** Resolves when this commit has come. */
  reached(sequence: number): Promise<void>
  close(): void
}

/** Connects to a leader. When it resolves, the snapshot has been taken (and dropped) and commits are coming. */
export async function openSink(url: string, format = 'wal'): Promise<Sink> {
  const sink = new OpenSink(format)
  await connectTcp({ url, signal: new AbortController().signal, onLink: (link) => sink.accept(link) })
  await sink.following
  return sink
}

class OpenSink implements Sink {
  #follower: Follower
  #link: Link | undefined
  readonly #inputs: FollowerInput[] = []
  #isStepping = false
  #waiting: { readonly sequence: number; resolve(): void; reject(error: Error): void }[] = []
  #lost: Error | undefined
  readonly #following = Promise.withResolvers<void>()
  /** The snapshot that is being received. */
  #info: Extract<FollowerEffect, { readonly kind: 'stage' }> | undefined

  constructor(format: string) {
    this.#follower = newFollower(
      {
        node: '00000000000000000000000000000001',
        name: 'sink',
        sqlite: sqliteVersion(),
        formats: [{ name: format, versions: [1] }],
        onDiverged: 'stop',
        held: { kind: 'empty' },
        durable: undefined,
        resume: undefined,
      },
      Date.now(),
    )
  }

  get sequence(): number {
    const { held } = this.#follower
    return held.kind === 'copy' ? held.position.sequence : 0
  }

  get bytesReceived(): number {
    return this.#link?.bytesReceived ?? 0
  }

  get following(): Promise<void> {
    return this.#following.promise
  }

  reached(sequence: number): Promise<void> {
    if (this.sequence >= sequence) return Promise.resolve()
    if (this.#lost !== undefined) return Promise.reject(this.#lost)
    return new Promise((resolve, reject) => this.#waiting.push({ sequence, resolve, reject }))
  }

  close(): void {
    this.#link?.close()
  }

  accept(link: Link): { message(bytes: Uint8Array): void; drain(): void; closed(error?: Error): void } {
    this.#link = link
    queueMicrotask(() => this.#step({ kind: 'connected' }))
    return {
      // A copy, since the parts of a large entry are kept until all are there, and the link uses the bytes again.
      message: (bytes) => this.#step({ kind: 'message', message: decodeMessage(bytes.slice()) }),
      drain: () => {},
      closed: (error) => this.#lose(error ?? new Error('the leader closed the link')),
    }
  }

  /** A sink doesn't connect again: what it measures would be worth nothing. */
  #lose(error: Error): void {
    this.#lost = error
    this.#following.reject(error)
    this.#following.promise.catch(() => {})
    for (const { reject } of this.#waiting) reject(error)
  }

  #step(input: FollowerInput): void {
    this.#inputs.push(input)
    if (this.#isStepping) return
    this.#isStepping = true
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      const { follower, effects } = stepFollower(this.#follower, next, Date.now())
      this.#follower = follower
      for (const effect of effects) this.#do(effect)
    }
    this.#isStepping = false
    if (this.#waiting.length === 0) return
    const { sequence } = this
    for (const each of this.#waiting) if (each.sequence <= sequence) each.resolve()
    this.#waiting = this.#waiting.filter((each) => each.sequence > sequence)
  }

  #do(effect: FollowerEffect): void {
    switch (effect.kind) {
      case 'send':
        return void this.#link?.send(encodeMessage(effect.message))
      case 'apply':
        return this.#drop(effect.bytes)
      case 'stage':
        this.#info = effect
        return void this.#inputs.push({ kind: 'staged', snapshot: effect.info.snapshot, next: 1, compare: false })
      case 'write-pages': {
        const { snapshot, first, count } = effect
        return void this.#inputs.push({ kind: 'pages-written', snapshot, first, count })
      }
      case 'finish-snapshot': {
        const { cluster, info } = this.#info!
        const { position, digest, pageSize } = info
        const held = { kind: 'copy' as const, cluster, position, digest, pageSize }
        return void this.#inputs.push({ kind: 'snapshot-installed', held }, { kind: 'durable', position })
      }
      case 'report':
        if (effect.report.kind === 'caught-up') this.#following.resolve()
        return
      case 'stop':
      case 'disconnect':
        this.#following.reject(effect.error)
        return this.#link?.close()
      case 'read-sums':
      case 'discard-snapshot':
    }
  }

  #drop(bytes: Uint8Array): void {
    let last = 0
    for (let at = 0; at < bytes.byteLength;) {
      last = at
      at += decodeEntryHead(bytes, at)!.byteLength
    }
    const { position, digest, committedAt } = decodeEntry(bytes, last)!
    this.#inputs.push({ kind: 'applied', position, digest, committedAt }, { kind: 'durable', position })
  }
}
