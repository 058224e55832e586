import { join } from 'node:path'
import type { NodeStatus } from 'stemma'
import type { FollowerState, Kind, LinkMode, Note, Verdict, Work } from '../wire.ts'
import { type Child, startChild } from './child-calls.ts'
import type { FollowerChildEvent, FollowerChildOptions, FollowerMethods, Proof } from './follower-process.ts'
import { Link } from './link.ts'

interface FollowerParts {
  readonly id: string
  readonly kind: Kind
  readonly folder: string
  readonly leaderUrl: () => string
  note(note: Omit<Note, 'at' | 'node'>): void
}

/** A follower on the stage: its process, which may be dead, its copy, and its link to the leader. */
export class FollowerNode {
  readonly id: string
  readonly kind: Kind
  readonly #parts: FollowerParts
  readonly #link: Link
  #child: Child<FollowerMethods> | undefined
  #phase: FollowerState['state'] = 'dead'
  #status: NodeStatus | undefined
  #verdict: Verdict | undefined
  #trouble: string | undefined
  /** The last place that was heard of: a dead process says nothing, and its copy is still there. */
  #position = 0
  #snapshotBytes = 0
  #waiting: (() => void)[] = []

  private constructor(parts: FollowerParts, link: Link) {
    this.#parts = parts
    this.id = parts.id
    this.kind = parts.kind
    this.#link = link
  }

  /** Makes a follower, and starts it. */
  static async open(parts: FollowerParts): Promise<FollowerNode> {
    const node = new FollowerNode(parts, await Link.open(parts.leaderUrl))
    node.start()
    return node
  }

  get isAlive(): boolean {
    return this.#child !== undefined
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get link(): Link {
    return this.#link
  }

  /** Bytes of the pages of the last snapshot that it took; 0 when it went on by the log. */
  get snapshotBytes(): number {
    return this.#snapshotBytes
  }

  get child(): Child<FollowerMethods> {
    if (this.#child === undefined) throw new Error(`${this.id} is not running`)
    return this.#child
  }

  state(tip: number): FollowerState {
    const work = this.#status?.work?.[0]
    return {
      id: this.id,
      kind: this.kind,
      pid: this.#child?.pid,
      state: this.#phase,
      link: this.#link.state,
      position: this.#position,
      // Who is cut off does not know how far the leader is: what the leader says counts.
      lagCommits: Math.max(0, tip - this.#position),
      delayMs: work?.delayMs,
      work: workOf(this.kind.format, work),
      verdict: this.#verdict,
      trouble: this.#trouble,
    }
  }

  /** True when it said that it can go no further; its process may still be there. */
  get isFailed(): boolean {
    return this.#phase === 'failed'
  }

  get trouble(): string | undefined {
    return this.#trouble
  }

  /** Resolves when it fails, or its process ends. */
  whenGone(): Promise<void> {
    if (this.#child === undefined || this.isFailed) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Starts its process anew, and takes over what differs from the leader. */
  async resync(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    await child?.close()
    this.#verdict = undefined
    this.start({ resync: true })
    await this.child.call('opened', undefined)
  }

  /** Starts its process, unless it runs. */
  start({ resync = false }: { resync?: boolean } = {}): void {
    if (this.#child !== undefined) return
    const { id, kind, folder, leaderUrl } = this.#parts
    this.#snapshotBytes = 0
    this.#phase = 'starting'
    this.#trouble = undefined
    const child: Child<FollowerMethods> = startChild<FollowerMethods>({
      module: new URL('./follower-process.ts', import.meta.url),
      options: {
        url: this.#link.url,
        leader: leaderUrl(),
        database: join(folder, `${id}.db`),
        format: kind.format,
        name: id,
        resync,
      } satisfies FollowerChildOptions,
      onEvent: (event) => {
        if (this.#child === child) this.#onEvent(event as FollowerChildEvent)
      },
    })
    this.#child = child
    child.call('opened', undefined).catch((error: unknown) => {
      if (this.#child === child) this.#fail(error instanceof Error ? error.message : String(error))
    })
    void child.exited.then(() => {
      if (this.#child !== child) return
      this.#child = undefined
      if (this.#phase !== 'failed') this.#phase = 'dead'
      this.#tellGone()
    })
  }

  /** Asks its process how it is. */
  async refresh(): Promise<void> {
    try {
      this.#take(await this.#child?.call('status', undefined))
    } catch {
      // It has ended, or it has failed and said so.
    }
  }

  /** Compares the copy with the leader's database. */
  async verify(): Promise<Verdict> {
    const { equal, position, what }: Proof = await this.child.call('verify', undefined)
    return (this.#verdict = { equal, position, what })
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.#child?.kill()
  }

  setLink(mode: LinkMode): void {
    this.#link.set(mode)
  }

  async close(): Promise<void> {
    await this.#child?.close()
    await this.#link.close()
  }

  #take(status: NodeStatus | undefined): void {
    if (status === undefined) return
    this.#status = status
    this.#position = status.position?.sequence ?? 0
  }

  #tellGone(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  #fail(message: string): void {
    if (this.#child === undefined || this.#phase === 'failed') return
    this.#phase = 'failed'
    this.#trouble = message
    this.#tellGone()
    this.#parts.note({ kind: 'trouble', text: message })
  }

  #onEvent(event: FollowerChildEvent): void {
    const note = this.#parts.note
    switch (event.kind) {
      case 'message':
        return note({ kind: event.direction, text: event.text, bytes: event.bytes })
      case 'connected':
        this.#phase = 'following'
        return note({ kind: 'event', text: `connected; the leader is at ${event.tip.sequence}` })
      case 'disconnected':
        if (this.#phase !== 'failed') this.#phase = 'offline'
        return note({ kind: 'event', text: `disconnected${event.error === undefined ? '' : `: ${event.error.message}`}` })
      case 'snapshot-started':
        this.#phase = 'snapshot'
        this.#snapshotBytes = event.pageCount * event.pageSize
        return note({ kind: 'event', text: `takes a snapshot of ${event.pageCount} pages: ${event.why}` })
      case 'snapshot-installed':
        this.#phase = 'following'
        return note({ kind: 'event', text: `the snapshot is in place at ${event.position.sequence}` })
      case 'caught-up':
        this.#phase = 'following'
        return note({ kind: 'event', text: `caught up at ${event.position.sequence}` })
      case 'diverged':
        return note({ kind: 'trouble', text: `its history left the leader’s after ${event.position.sequence}` })
      case 'resync':
      case 'warning':
        return note({ kind: 'trouble', text: event.error?.message ?? event.kind })
      case 'failed':
        return this.#fail(event.error?.message ?? 'failed')
      case 'progress':
      case 'snapshot-progress':
      case 'verified':
      case 'verifying':
    }
  }
}

function workOf(format: string, work: Work | undefined): Work {
  return { format, entries: work?.entries ?? 0, bytes: work?.bytes ?? 0, tookMs: work?.tookMs ?? 0, asRows: work?.asRows }
}
