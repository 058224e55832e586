import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { StemmaError } from 'stemma'

/** Functions that a child process offers. Arguments and results are sent as structured clones. */
export type Methods = Readonly<Record<string, (argument: never) => unknown>>

type ArgumentOf<M> = M extends (argument: infer A) => unknown ? A : never
type ResultOf<M> = M extends (argument: never) => infer R ? Awaited<R> : never

/** A child process that answers calls. */
export interface Child<M extends Methods> {
  readonly pid: number
  /** Rejects when the child throws, and when it ends before it answers. */
  call<K extends keyof M & string>(method: K, argument: ArgumentOf<M[K]>): Promise<ResultOf<M[K]>>
  /** Resolves when the process is gone, however it went. */
  readonly exited: Promise<void>
  /** `kill -9`: no chance to tidy up. */
  kill(): Promise<void>
  /** Asks it to close, and kills it when it takes too long. */
  close(): Promise<void>
}

/** A child that was asked to close gets so long, in milliseconds. */
const CLOSE_MS = 5_000

type FromChild =
  | { readonly kind: 'event'; readonly event: object }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly message: string; readonly hint: string | undefined }
type ToChild = { readonly id: number; readonly method: string; readonly argument: unknown }

export interface ChildOptions {
  readonly module: URL
  /** What the child gets to know, as JSON. */
  readonly options: object
  readonly env?: Readonly<Record<string, string>>
  onEvent(event: object): void
}

/** Starts a module as a process of its own, which may be killed at any moment. */
export function startChild<M extends Methods>({ module, options, env, onEvent }: ChildOptions): Child<M> {
  const process_ = fork(module, [JSON.stringify(options)], {
    serialization: 'advanced',
    env: { ...process.env, ...env },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let lastId = 0
  process_.on('message', (message: FromChild) => {
    if (message.kind === 'event') return onEvent(message.event)
    const call = waiting.get(message.id)
    waiting.delete(message.id)
    if (message.kind === 'result') call?.resolve(message.value)
    else call?.reject(new ChildError(message.message, message.hint))
  })
  const exited = goneFrom(process_).then(() => {
    for (const call of waiting.values()) call.reject(new Error('the process has ended'))
    waiting.clear()
  })
  const call = (method: string, argument: unknown): Promise<unknown> => {
    const answer = Promise.withResolvers<unknown>()
    if (!process_.connected) return Promise.reject(new Error('the process has ended'))
    const id = ++lastId
    waiting.set(id, answer)
    process_.send({ id, method, argument } satisfies ToChild, (error) => error !== null && answer.reject(error))
    return answer.promise
  }
  const kill = async (): Promise<void> => {
    process_.kill('SIGKILL')
    await exited
  }
  return {
    pid: process_.pid ?? 0,
    call: call as Child<M>['call'],
    exited,
    kill,
    async close() {
      const timer = setTimeout(() => process_.kill('SIGKILL'), CLOSE_MS)
      await call('close', undefined).catch(() => {})
      await exited
      clearTimeout(timer)
    },
  }
}

/** What a child threw. */
export class ChildError extends Error {
  readonly hint: string | undefined

  constructor(message: string, hint: string | undefined) {
    super(message)
    this.hint = hint
  }
}

async function goneFrom(child: ChildProcess): Promise<void> {
  await Promise.race([once(child, 'exit'), once(child, 'error')])
}

/** The options that the parent gave this process. */
export function optionsOfChild<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T
}

/** Answers the parent's calls until it asks to close, or is gone. */
export function serveCalls(methods: Methods & { readonly close: () => Promise<void> }): void {
  process.on('message', (message: ToChild) => void answer(methods, message))
  // A parent that was killed leaves nobody to serve.
  process.on('disconnect', () => process.exit(1))
}

/** Tells the parent of something. */
export function tellParent(event: object): void {
  if (process.connected) process.send?.({ kind: 'event', event } satisfies FromChild)
}

async function answer(methods: Methods, { id, method, argument }: ToChild): Promise<void> {
  const send = (message: FromChild): void => void (process.connected && process.send?.(message))
  try {
    const value = await methods[method]?.(argument as never)
    send({ kind: 'result', id, value })
    if (method === 'close') process.exit(0)
  } catch (error) {
    const hint = StemmaError.is(error) ? error.hint : undefined
    send({ kind: 'error', id, message: error instanceof Error ? error.message : String(error), hint })
  }
}
