import type { NodeStatus } from 'stemma'
import type { LeaderState, Note, Policy } from '../wire.ts'
import { type Child, startChild } from './child-calls.ts'
import type { LeaderChildEvent, LeaderChildOptions, LeaderMethods } from './leader-process.ts'

interface LeaderParts {
  readonly policy: Policy
  readonly database: string
  readonly formats: readonly string[]
  note(note: Omit<Note, 'at' | 'node'>): void
  /** The load has ended, since a transaction of it failed. */
  onLoadFailed(message: string): void
}

/** The leader on the stage: a process that may be killed, and is then started again where it listened. */
export class LeaderNode {
  readonly #parts: LeaderParts
  #child!: Child<LeaderMethods>
  #url = ''
  #state: LeaderState['state'] = 'starting'
  #status: NodeStatus | undefined

  private constructor(parts: LeaderParts) {
    this.#parts = parts
  }

  static async open(parts: LeaderParts): Promise<LeaderNode> {
    const leader = new LeaderNode(parts)
    await leader.#start('tcp://127.0.0.1:0')
    return leader
  }

  get id(): string {
    return this.#parts.policy
  }

  get url(): string {
    return this.#url
  }

  get child(): Child<LeaderMethods> {
    return this.#child
  }

  get position(): number {
    return this.#status?.position?.sequence ?? 0
  }

  get status(): NodeStatus | undefined {
    return this.#status
  }

  get state(): LeaderState {
    const { position, digest, walBytes, logBytes, work } = this.#status ?? {}
    const { policy, formats } = this.#parts
    return {
      id: policy,
      policy,
      state: this.#state,
      pid: this.#child.pid,
      url: this.#url,
      position: position?.sequence ?? 0,
      digest: digest ?? '',
      walBytes: walBytes ?? 0,
      logBytes: logBytes ?? 0,
      // A module's format has a name of its own: here it is what the user called it.
      work: (work ?? []).map(({ entries, bytes, tookMs, asRows }, i) => ({
        format: formats[i] ?? '',
        entries,
        bytes,
        tookMs,
        asRows,
      })),
    }
  }

  async refresh(): Promise<void> {
    if (this.#state !== 'up') return
    try {
      this.#status = await this.#child.call('status', undefined)
    } catch {
      // It was killed meanwhile; it comes back.
    }
  }

  /** `kill -9`, and a new process on the same database. */
  async restart(): Promise<void> {
    this.#state = 'starting'
    await this.#child.kill()
    await this.#start(this.#url)
  }

  close(): Promise<void> {
    return this.#child.close()
  }

  async #start(listen: string): Promise<void> {
    const { database, formats, policy } = this.#parts
    this.#child = startChild<LeaderMethods>({
      module: new URL('./leader-process.ts', import.meta.url),
      options: { database, listen, formats, policy } satisfies LeaderChildOptions,
      onEvent: (event) => this.#onEvent(event as LeaderChildEvent),
    })
    this.#url = await this.#child.call('url', undefined)
    this.#state = 'up'
    await this.refresh()
  }

  #onEvent(message: LeaderChildEvent): void {
    if (message.kind === 'load-failed') return this.#parts.onLoadFailed(message.message)
    const { event } = message
    const { note } = this.#parts
    switch (event.kind) {
      case 'follower-joined':
        return note({ kind: 'event', text: `a follower joined, by ${event.format}` })
      case 'follower-left':
        return note({ kind: 'event', text: `a follower left: ${event.why}` })
      case 'follower-needs-snapshot':
        return note({ kind: 'event', text: `a follower needs a snapshot: ${event.why}` })
      case 'follower-diverged':
        return note({ kind: 'trouble', text: 'a follower’s history is another' })
      case 'gap-mended':
        return note({ kind: 'event', text: `mended a gap at ${event.position.sequence}: ${event.pages} pages` })
      case 'rewound':
        return note({ kind: 'event', text: `went back to ${event.position.sequence}` })
      case 'warning':
      case 'failed':
        return note({ kind: 'trouble', text: event.error.message })
      case 'listening':
        return note({ kind: 'event', text: `listens at ${event.url}` })
      case 'scanning':
    }
  }
}
