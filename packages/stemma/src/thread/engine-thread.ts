import { StemmaError } from '@stemma/base'
import { Worker } from 'node:worker_threads'
import { type Call, type Reply, decodeError, decodeEvent } from './wire.ts'

/** An engine that runs on a thread of its own, so that nothing it does holds up the caller's. */
export interface EngineThread {
  call(method: string, argument?: unknown): Promise<unknown>
  /** Asks the engine to close, and resolves when its thread has ended. A second call gives the same promise. */
  close(): Promise<void>
}

export interface EngineThreadOptions {
  /** Which engine: the name of its module in this package, without ending. */
  readonly module: 'leader' | 'follower'
  readonly options: object
  onEvent(event: object): void
  /** The thread ended without being asked to. */
  onDeath(error: Error): void
}

/**
 * Starts an engine on a thread and waits until it is open.
 *
 * @throws what opening the engine threw
 */
export async function openEngineThread(options: EngineThreadOptions): Promise<{ thread: EngineThread; opened: unknown }> {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const url = new URL(`./${options.module}-worker.${ending}`, import.meta.url)
  // A worker closes what it opened when it ends, which would drop SQLite's locks in the whole process.
  const worker = new Worker(url, { workerData: options.options, trackUnmanagedFds: false, name: `stemma ${options.module}` })
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  let nextId = 0
  let closing: Promise<void> | undefined
  let dead: Error | undefined

  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  worker.on('message', (reply: Reply) => {
    if (reply.kind === 'event') return options.onEvent(decodeEvent(reply.event as object))
    const call = waiting.get(reply.id)
    waiting.delete(reply.id)
    if (reply.kind === 'result') call?.resolve(reply.value)
    else call?.reject(decodeError(reply.error))
  })
  worker.on('error', (error: Error) => (dead = error))
  void exited.then(() => {
    const why = dead ?? new StemmaError('THREAD_DIED', `the ${options.module}'s thread has ended`, {})
    dead = why
    for (const call of waiting.values()) call.reject(why)
    waiting.clear()
    if (closing === undefined) options.onDeath(why)
  })

  const call = (method: string, argument: unknown = null): Promise<unknown> => {
    if (dead !== undefined) return Promise.reject(dead)
    return new Promise((resolve, reject) => {
      const id = nextId++
      waiting.set(id, { resolve, reject })
      worker.postMessage({ id, method, argument } satisfies Call)
    })
  }
  const close = (): Promise<void> => {
    closing ??= call('close').then(
      () => exited,
      async (error: unknown) => {
        await worker.terminate()
        throw error
      },
    )
    return closing
  }

  try {
    return { thread: { call, close }, opened: await call('open') }
  } catch (error) {
    closing = worker.terminate().then(() => undefined)
    await closing
    throw error
  }
}
