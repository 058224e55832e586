import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { CaptureTask } from './capture-child.ts'
import type { Facts, Moments, Opened, Task } from './child.ts'
import type { SourceCost } from './source-cost.ts'
import type { Written } from './write.ts'

interface Results {
  'open-plain': void
  'open-leader': Opened
  'open-follower': Opened
  'open-sink': void
  'open-sessions': void
  'measure-source': SourceCost
  write: Written
  'write-count': Written
  'write-paced': Moments
  watch: Moments
  reach: void
  facts: Facts
  close: void
}

type AnyTask = Task | CaptureTask
type TaskOf<K extends AnyTask['kind']> = Extract<AnyTask, { readonly kind: K }>

/** What a process runs: all tasks; or those of a writer whose changes are captured by other means. */
export type Program = 'child.ts' | 'capture-child.ts'

/** A process of its own that does one task after another: a writer, a leader, a follower, a sink. */
export class Child {
  readonly #process: ChildProcess
  #waiting: { resolve(value: never): void; reject(error: Error): void }[] = []

  constructor(program: Program) {
    this.#process = fork(fileURLToPath(new URL(program, import.meta.url)), {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#process.on('message', (answer: { readonly result?: never; readonly error?: string }) => {
      const next = this.#waiting.shift()
      if (answer.error === undefined) next?.resolve(answer.result as never)
      else next?.reject(new Error(answer.error))
    })
    this.#process.on('exit', (code, signal) => {
      for (const { reject } of this.#waiting) reject(new Error(`a process of the benchmark ended with ${signal ?? code}`))
      this.#waiting = []
    })
  }

  get pid(): number {
    return this.#process.pid!
  }

  run<K extends AnyTask['kind']>(task: TaskOf<K>): Promise<Results[K]> {
    const { promise, resolve, reject } = Promise.withResolvers<Results[K]>()
    this.#waiting.push({ resolve, reject })
    this.#process.send(task)
    return promise
  }

  /** Closes in good order what is open, and ends the process. */
  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const gone = new Promise((resolve) => this.#process.once('exit', resolve))
    await this.run({ kind: 'close' }).catch(() => {})
    this.#process.kill()
    await gone
  }
}

/** Runs work with children, and ends them whatever happens. */
export async function withChildren<T>(work: (child: (program?: Program) => Child) => Promise<T>): Promise<T> {
  const children: Child[] = []
  try {
    return await work((program = 'child.ts') => {
      const child = new Child(program)
      children.push(child)
      return child
    })
  } finally {
    // Followers and sinks were made after their leader: they end before it.
    for (const child of children.toReversed()) await child.end()
  }
}
