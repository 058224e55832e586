import { connect, type Socket } from 'node:net'
import { StemmaError } from '@stemma/base'
import { onTestFinished } from 'vitest'
import { End } from '../src/conformance/end.ts'
import { listenLinks, type Listener, type ListenLinksOptions } from '../src/index.ts'

export { End }

/** Lets the event loop turn until something is so. What never becomes so runs into the test's own limit. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}

/** A listener and what came of it. Closes when the test is over. */
export class Host {
  readonly end = new End()
  readonly errors: StemmaError[] = []
  #listener: Listener | undefined

  static async listen(options: Partial<ListenLinksOptions> = {}): Promise<Host> {
    const host = new Host()
    const onError = (error: StemmaError): unknown => host.errors.push(error)
    host.#listener = await listenLinks({ port: 0, onLink: host.end.onLink, onError, ...options })
    onTestFinished(() => host.listener.close())
    return host
  }

  get listener(): Listener {
    if (this.#listener === undefined) throw new Error('nothing listens')
    return this.#listener
  }

  get url(): string {
    return this.listener.url
  }

  /** The codes of the connections that came to nothing. */
  get codes(): string[] {
    return this.errors.map(({ code }) => code)
  }
}

/** A plain socket that says what a test wants it to say. */
export class Stranger {
  readonly socket: Socket
  heard: Buffer = Buffer.alloc(0)
  isClosed = false

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1' })
    this.socket.setNoDelay(true)
    this.socket.on('data', (chunk: Buffer) => (this.heard = Buffer.concat([this.heard, chunk])))
    this.socket.on('error', () => {})
    this.socket.on('close', () => (this.isClosed = true))
  }

  say(...parts: Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts))
  }
}

/** The code of the StemmaError that a promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  return StemmaError.is(error) ? error.code : String(error)
}
