import { write } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/** A pipe that was made not to wait is tried again after this time, in milliseconds. */
const FULL_MS = 5

/**
 * Writes a text, as UTF-8, or bytes to a descriptor and resolves when it has all been taken. Unlike `process.stdout`, which waits for the reader of a pipe on this
 * very thread, it leaves the thread free for signals and for the network.
 *
 * @throws the system's error, such as EPIPE
 */
export async function writeOut(fd: number, what: string | Uint8Array): Promise<void> {
  const bytes = typeof what === 'string' ? Buffer.from(what) : what
  for (let at = 0; at < bytes.byteLength;) {
    const written = await writeSome(fd, bytes, at)
    if (written === 0) await pause(FULL_MS)
    at += written
  }
}

function writeSome(fd: number, bytes: Uint8Array, at: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, at, bytes.byteLength - at, null, (error, written) => {
      if (error === null) resolve(written)
      else if (error.code === 'EAGAIN') resolve(0)
      else reject(error)
    })
  })
}
