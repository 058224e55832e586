import { EXIT } from './exit-code.ts'

/** The part of a process that tells of signals. */
export interface SignalSource {
  on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
  off(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
  exit(code: number): never
}

/** Tells when the command was asked to stop. */
export interface Stop {
  /** Aborted by the first Ctrl-C or SIGTERM. The second one ends the process at once. */
  readonly signal: AbortSignal
  [Symbol.dispose](): void
}

export function listenForStop(source: SignalSource): Stop {
  const controller = new AbortController()
  const listener = (): void => {
    if (controller.signal.aborted) source.exit(EXIT.interrupted)
    controller.abort()
  }
  source.on('SIGINT', listener)
  source.on('SIGTERM', listener)
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      source.off('SIGINT', listener)
      source.off('SIGTERM', listener)
    },
  }
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
