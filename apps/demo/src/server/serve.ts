import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { type ServerType, serve } from '@hono/node-server'
import { ScenePlayer } from '../scenes/scene-player.ts'
import { Stage } from '../stage/stage.ts'
import { newApp, newKey } from './app.ts'
import { Broadcast } from './broadcast.ts'
import { buildPage } from './page-files.ts'

export interface ServeOptions {
  readonly database: string | undefined
  /** Formats besides Stemma's own: names or modules. */
  readonly formats: readonly string[]
  /** Which of Stemma's own; all when undefined. */
  readonly only: readonly string[] | undefined
  /** 0 takes a free one. */
  readonly port: number
  /** What is written when nobody has said anything yet, in transactions a second. */
  readonly rate: number
}

export interface Served {
  /** Where the page is, with its key. */
  readonly url: string
  close(): Promise<void>
}

/** Opens the stage and serves its page on this machine. */
export async function servePage({ database, formats, only, port, rate }: ServeOptions): Promise<Served> {
  const [page, stage] = await Promise.all([buildPage(), Stage.open({ database, formats, only })])
  try {
    const [workload] = stage.state.workloads
    if (rate > 0 && workload !== undefined) await stage.setLoad({ workload: workload.id, rate })
    const broadcast = new Broadcast(stage)
    const scenes = new ScenePlayer(stage.folder)
    const key = newKey()
    const server = await listen(newApp({ stage, scenes, broadcast, page, key }).fetch, port)
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/?key=${key}`,
      async close() {
        broadcast.close()
        server.close()
        if ('closeAllConnections' in server) server.closeAllConnections()
        await scenes.close()
        await stage.close()
      },
    }
  } catch (error) {
    await stage.close()
    throw error
  }
}

async function listen(fetch: (request: Request) => Response | Promise<Response>, port: number): Promise<ServerType> {
  const server = serve({ fetch, hostname: '127.0.0.1', port })
  await once(server, 'listening')
  return server
}
