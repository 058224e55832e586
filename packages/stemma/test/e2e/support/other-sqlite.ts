import { decodeMessage, encodeMessage } from '@stemma/protocol'
import { connectTcp, listenTcp, type Link } from '@stemma/transport'
import { onTestFinished } from 'vitest'

/** A way to a leader, on which followers seem to run another SQLite than they do. */
export async function openOtherSqlite(leader: string, sqlite: string): Promise<string> {
  const listener = await listenTcp({
    port: 0,
    onError: () => {},
    onLink(near) {
      const far = reach(leader, near)
      const send = async (bytes: Uint8Array): Promise<void> => {
        const message = decodeMessage(bytes)
        const told = message.kind === 'hello' ? { ...message, sqlite } : message
        const link = await far
        link?.send(encodeMessage(told))
        link?.flush()
      }
      return {
        message: (bytes) => void send(bytes.slice()),
        drain() {},
        closed: () => void far.then((link) => link?.close()),
      }
    },
  })
  onTestFinished(() => listener.close())
  return listener.url
}

function reach(leader: string, near: Link): Promise<Link | undefined> {
  return connectTcp({
    url: leader,
    onLink: () => ({
      message(bytes) {
        near.send([bytes.slice()])
        near.flush()
      },
      drain() {},
      closed: () => near.close(),
    }),
  }).catch(() => {
    near.close()
    return undefined
  })
}
