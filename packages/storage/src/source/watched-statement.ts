import type Database from 'better-sqlite3'
import { kindOfStatement, type StatementKind } from '../statements/statement-kind.ts'

/** One statement that a program runs, as often as it is run. */
export interface WatchedCall {
  readonly sql: string
  readonly kind: StatementKind
  /** It is a statement that the program keeps; it may be run while rows of another one are being iterated over. */
  readonly isPrepared: boolean
  /** What `bind` was given; undefined when values come with each run. */
  bound: readonly unknown[] | undefined
  /** What whoever watches has found out about it. */
  memo: object | undefined
}

/** Is told of each call that may write, begin or end a transaction, or change the connection. */
export interface CallWatch {
  /**
   * A call is about to run. What this throws is thrown instead of running it.
   *
   * @returns false when the call is part of another one: it is run, and nothing further is told of it
   */
  before(call: WatchedCall, parameters: readonly unknown[]): boolean
  /** It has given a row and goes on running. */
  paused(call: WatchedCall): void
  /** It has run. */
  after(call: WatchedCall, result: Database.RunResult | undefined): void
  /** It has thrown. */
  failed(call: WatchedCall, error: unknown): void
}

/** Runs work as a call. */
export function runWatched<T>(watch: CallWatch, call: WatchedCall, work: () => T): T {
  if (!watch.before(call, NONE)) return work()
  let result: T
  try {
    result = work()
  } catch (error) {
    watch.failed(call, error)
    throw error
  }
  watch.after(call, undefined)
  return result
}

const NONE: readonly unknown[] = []

/** Makes a call of SQL that is not prepared. */
export function newCall(sql: string, kind: StatementKind = kindOfStatement(sql), isPrepared = false): WatchedCall {
  return { sql, kind, isPrepared, bound: undefined, memo: undefined }
}

type Method = (this: PlainStatement, ...parameters: unknown[]) => unknown

interface PlainStatement {
  run(...parameters: unknown[]): Database.RunResult
  get(...parameters: unknown[]): unknown
  all(...parameters: unknown[]): unknown
  iterate(...parameters: unknown[]): PlainIterator
  bind(...parameters: unknown[]): unknown
}

interface PlainIterator {
  next(): IteratorResult<unknown>
  return(): IteratorResult<unknown>
}

const WATCHED = Symbol('watched')

interface Watched {
  readonly watch: CallWatch
  readonly call: WatchedCall
}

type WatchedStatement = PlainStatement & { readonly [WATCHED]?: Watched }

/** Has a statement tell each of its runs. It stays the object that better-sqlite3 made. */
export function watchStatement(statement: object, watched: Watched): void {
  prototype ??= newPrototype(Object.getPrototypeOf(statement) as PlainStatement)
  Object.defineProperty(statement, WATCHED, { value: watched })
  Object.setPrototypeOf(statement, prototype)
}

/** Over better-sqlite3's own, which there is one of. */
let prototype: object | undefined

function newPrototype(plain: PlainStatement): object {
  const { run, get, all, iterate, bind } = plain
  const methods: Record<string, Method> = {
    run(this: WatchedStatement, ...parameters) {
      const watched = this?.[WATCHED]
      if (watched?.watch.before(watched.call, parameters) !== true) return run.apply(this, parameters)
      let result: Database.RunResult
      try {
        result = run.apply(this, parameters)
      } catch (error) {
        watched.watch.failed(watched.call, error)
        throw error
      }
      watched.watch.after(watched.call, result)
      return result
    },
    get: reading(get),
    all: reading(all),
    iterate(this: WatchedStatement, ...parameters) {
      const iterator = iterate.apply(this, parameters)
      const watched = this[WATCHED]
      if (watched !== undefined) watchIterator(iterator, watched, parameters)
      return iterator
    },
    bind(this: WatchedStatement, ...parameters) {
      const result = bind.apply(this, parameters)
      const watched = this[WATCHED]
      if (watched !== undefined) watched.call.bound = parameters.map(copyOf)
      return result
    },
  }
  const made = Object.create(plain) as object
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(made, name, { value, writable: true, configurable: true, enumerable: false })
  }
  return made
}

function reading(method: PlainStatement['get']): Method {
  return function (this: WatchedStatement, ...parameters) {
    const watched = this?.[WATCHED]
    if (watched?.watch.before(watched.call, parameters) !== true) return method.apply(this, parameters)
    let result: unknown
    try {
      result = method.apply(this, parameters)
    } catch (error) {
      watched.watch.failed(watched.call, error)
      throw error
    }
    watched.watch.after(watched.call, undefined)
    return result
  }
}

/** SQLite writes at the first step, and commits with the last one. */
function watchIterator(iterator: PlainIterator, { watch, call }: Watched, parameters: readonly unknown[]): void {
  const { next, return: end } = iterator
  let state: 'fresh' | 'running' | 'over' = 'fresh'
  const passes = (): boolean => {
    try {
      return watch.before(call, parameters)
    } catch (error) {
      // Whoever iterates takes an error for the end, and so does the statement.
      state = 'over'
      end.apply(iterator)
      throw error
    }
  }
  const step = (work: () => IteratorResult<unknown>): IteratorResult<unknown> => {
    if (state === 'over' || !passes()) return work()
    state = 'running'
    let result: IteratorResult<unknown>
    try {
      result = work()
    } catch (error) {
      state = 'over'
      watch.failed(call, error)
      throw error
    }
    if (result.done === true) {
      state = 'over'
      watch.after(call, undefined)
    } else watch.paused(call)
    return result
  }
  const methods = {
    next: () => step(() => next.apply(iterator)),
    return: () => (state === 'running' ? step(() => end.apply(iterator)) : end.apply(iterator)),
  }
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(iterator, name, { value, writable: true, configurable: true, enumerable: false })
  }
}

/** SQLite has copied what was bound, so it keeps it whatever becomes of the program's own. */
function copyOf(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice()
  if (Array.isArray(value)) return value.map(copyOf)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, copyOf(each)]))
}
