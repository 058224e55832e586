import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What the follower's process says. */
export type FromFollower =
  | { readonly kind: 'snapshot'; readonly bytes: number }
  | { readonly kind: 'open' }
  | { readonly kind: 'status'; readonly sequence: number; readonly digest: string }
  | { readonly kind: 'failed'; readonly message: string }

/** What it is told. */
export type ToFollower = { readonly kind: 'status' } | { readonly kind: 'close' }

/** A follower in another process. */
export interface FollowerProcess {
  readonly pid: number
  /** Bytes of the snapshot that it took; 0 when it needed none. */
  readonly snapshotBytes: number
  /** Resolves when the copy can be read. */
  readonly open: Promise<void>
  status(): Promise<{ readonly sequence: number; readonly digest: string }>
  /** `kill -9`: no chance to tidy up. */
  kill(): Promise<void>
  close(): Promise<void>
}

/** @param format - `wal` for a copy that is the leader's byte for byte, `row` for one of its rows */
export function startFollower(url: string, copy: string, format: 'wal' | 'row'): FollowerProcess {
  const child = fork(fileURLToPath(new URL('./follower-process.ts', import.meta.url)), [url, copy, format])
  const opened = Promise.withResolvers<void>()
  const exited = once(child, 'exit')
  let snapshotBytes = 0
  let onStatus: (status: { sequence: number; digest: string }) => void = () => {}
  child.on('message', (message: FromFollower) => {
    if (message.kind === 'snapshot') snapshotBytes = message.bytes
    if (message.kind === 'open') opened.resolve()
    if (message.kind === 'status') onStatus(message)
    if (message.kind === 'failed') opened.reject(new Error(message.message))
  })
  void exited.then(() => opened.reject(new Error('the follower ended before it was open')))
  opened.promise.catch(() => {})
  return {
    pid: child.pid ?? 0,
    get snapshotBytes() {
      return snapshotBytes
    },
    open: opened.promise,
    status() {
      return new Promise((resolve) => {
        onStatus = resolve
        tell(child, { kind: 'status' })
      })
    },
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    async close() {
      tell(child, { kind: 'close' })
      await exited
    },
  }
}

function tell(child: ChildProcess, message: ToFollower): void {
  child.send(message)
}
