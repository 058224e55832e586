import { Worker } from 'node:worker_threads'
import type { SqliteDriver } from '../sqlite/driver.ts'
import { openCheckpointConnection, runCheckpoint, type CheckpointMode, type CheckpointResult } from './connection.ts'

/** Runs checkpoints on a database. They follow one another; each syncs the WAL and the database as SQLite sees fit. */
export interface Checkpointer {
  checkpoint(mode: CheckpointMode): Promise<CheckpointResult>
  close(): Promise<void>
}

/** Runs checkpoints on the caller's thread. For tests, and where a thread is not worth it. */
export function openCheckpointer(driver: SqliteDriver, database: string): Checkpointer {
  const connection = openCheckpointConnection(driver, database)
  return {
    checkpoint(mode) {
      try {
        return Promise.resolve(runCheckpoint(connection, mode))
      } catch (error) {
        return Promise.reject(error instanceof Error ? error : new Error(String(error)))
      }
    },
    close() {
      connection.close()
      return Promise.resolve()
    },
  }
}

/**
 * Runs checkpoints on a thread of their own with a connection of its own, so that its syncs hold up nobody.
 *
 * The thread opens the database with the driver of that name, and opens no file by itself.
 */
export function openCheckpointThread(driver: SqliteDriver, database: string): Promise<Checkpointer> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), {
    workerData: { database, driver: driver.name } satisfies WorkerData,
    trackUnmanagedFds: false,
  })
  const waiting: { resolve(result: CheckpointResult): void; reject(error: Error): void }[] = []
  let ended: Error | undefined
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  const end = (error: Error): void => {
    ended ??= error
    for (const each of waiting.splice(0)) each.reject(ended)
  }
  const checkpointer: Checkpointer = {
    checkpoint(mode) {
      if (ended !== undefined) return Promise.reject(ended)
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        worker.postMessage(mode satisfies WorkerRequest)
      })
    },
    async close() {
      if (ended === undefined) worker.postMessage('close' satisfies WorkerRequest)
      await exited
    },
  }
  return new Promise((resolve, reject) => {
    worker.on('message', (reply: WorkerReply) => {
      if (reply.kind === 'ready') resolve(checkpointer)
      else if (reply.kind === 'result') waiting.shift()?.resolve(reply.result)
      else waiting.shift()?.reject(Object.assign(new Error(reply.message), { code: reply.code }))
    })
    worker.on('error', (error: Error) => {
      end(error)
      reject(error)
    })
    worker.on('exit', () => end(new Error('the checkpoint thread has ended')))
  })
}

/** What the thread is told when it begins. */
export interface WorkerData {
  readonly database: string
  readonly driver: string
}

export type WorkerRequest = CheckpointMode | 'close'

export type WorkerReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly result: CheckpointResult }
  | { readonly kind: 'error'; readonly message: string; readonly code: string | undefined }
