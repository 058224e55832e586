import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

export interface Said {
  readonly kind: string
  readonly [field: string]: unknown
}

/** A process of a test. It is killed when the test is over. */
export class Child {
  readonly said: Said[] = []
  readonly #process: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #waiting = new Set<{ readonly kind: string; resolve(said: Said): void; reject(error: Error): void }>()
  #errors = ''

  /**
   * @param module - a file of this folder, of TypeScript or Python
   * @param env - what its environment has besides ours
   */
  constructor(module: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const path = fileURLToPath(new URL(module, import.meta.url))
    const child = spawn(module.endsWith('.py') ? 'python3' : process.execPath, [path, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    this.#process = child
    this.#exited = once(child, 'close')
    child.stdin.on('error', () => {})
    child.stderr.on('data', (text: Buffer) => (this.#errors += text.toString()))
    createInterface({ input: child.stdout }).on('line', (line) => this.#hear(JSON.parse(line) as Said))
    void this.#exited.then(() => {
      for (const { kind, reject } of this.#waiting)
        reject(new Error(`${module} ended before it told of ${kind}: ${this.#errors}`))
    })
    onTestFinished(async () => {
      child.kill('SIGKILL')
      await this.#exited
    })
  }

  /** What it wrote to its standard error. */
  get errors(): string {
    return this.#errors
  }

  /** Resolves when it tells of this; also when it did before. */
  told(kind: string): Promise<Said> {
    const said = this.said.find((each) => each.kind === kind)
    return said === undefined ? this.next(kind) : Promise.resolve(said)
  }

  /** Resolves when it tells of this again. */
  next(kind: string): Promise<Said> {
    return new Promise((resolve, reject) => this.#waiting.add({ kind, resolve, reject }))
  }

  /** Gives an order and waits for the answer. */
  async order(name: string): Promise<Said> {
    const failure = this.next('error').then((said) => Promise.reject(new Error(JSON.stringify(said))))
    failure.catch(() => {})
    const answer = this.next(name)
    answer.catch(() => {})
    this.#process.stdin!.write(`${name}\n`)
    return Promise.race([answer, failure])
  }

  /** Ends it at once, in the middle of whatever it does. All that it said has been heard when this resolves. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#exited
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name)
  }

  #hear(said: Said): void {
    this.said.push(said)
    for (const waiting of this.#waiting) {
      if (waiting.kind !== said.kind) continue
      this.#waiting.delete(waiting)
      waiting.resolve(said)
    }
  }
}

/** Lets time pass, so that what is killed is in the middle of something. Nothing may depend on how much. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
