import { parentPort } from 'node:worker_threads'
import { type Call, type Reply, encodeError, encodeEvent } from './wire.ts'

/** What an engine offers to the thread that started it. */
export interface Served {
  /** The answer to `open`. */
  readonly opened: unknown
  readonly methods: Readonly<Record<string, (argument: never) => unknown>>
  close(): Promise<void>
}

/** Runs an engine on this worker thread: opens it, answers calls, and ends the thread when it is closed. */
export function serveEngine(open: (onEvent: (event: object) => void) => Promise<Served>): void {
  const port = parentPort
  if (port === null) throw new Error('this module is for a worker thread')
  let served: Served | undefined
  const send = (reply: Reply): void => port.postMessage(reply)
  const answer = async (call: Call): Promise<unknown> => {
    if (call.method === 'open') {
      served = await open((event) => send({ kind: 'event', event: encodeEvent(event) }))
      return served.opened
    }
    if (call.method === 'close') return served?.close()
    const method = served?.methods[call.method]
    if (method === undefined) throw new Error(`the engine has no method ${call.method}`)
    return method(call.argument as never)
  }
  port.on('message', (call: Call) => {
    answer(call).then(
      (value) => {
        send({ kind: 'result', id: call.id, value })
        if (call.method === 'close') port.close()
      },
      (error: unknown) => send({ kind: 'error', id: call.id, error: encodeError(error) }),
    )
  })
}
