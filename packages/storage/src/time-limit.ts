import { Script, createContext } from 'node:vm'

/**
 * A call on this thread that is ended when it takes too long, even if it never comes back to us. It costs some 0.2 ms of processor time each: a thread
 * that watches is started. What is ended is not asked: none of its `catch` and `finally` run, so nothing that outlives it may be half-changed by it.
 */
export class TimeLimit {
  readonly #script = new Script('run()')
  readonly #scope: { run: () => void } = { run: () => undefined }
  readonly #context = createContext(this.#scope)
  readonly #limitMs: number

  /** @param limitMs - milliseconds that pass, whoever has the processor */
  constructor(limitMs: number) {
    this.#limitMs = limitMs
  }

  /**
   * Runs something that does not wait: what it leaves to run later is not limited.
   *
   * @returns false when it was ended
   * @throws what it throws
   */
  run(what: () => void): boolean {
    this.#scope.run = what
    try {
      this.#script.runInContext(this.#context, { timeout: this.#limitMs })
      return true
    } catch (error) {
      if ((error as { readonly code?: unknown } | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false
      throw error
    }
  }
}
