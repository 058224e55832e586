import { Script, createContext } from 'node:vm'

/** A call that is ended when it takes too long, even if it never comes back to us. */
export class TimeLimit {
  readonly #script = new Script('run()')
  readonly #scope: { run: () => void } = { run: () => undefined }
  readonly #context = createContext(this.#scope)
  readonly #limitMs: number

  constructor(limitMs: number) {
    this.#limitMs = limitMs
  }

  /**
   * Runs something.
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
