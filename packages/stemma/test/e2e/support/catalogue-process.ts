import { join } from 'node:path'
import { CATALOGUE, type Policy } from '@stemma/format-statement/catalogue'
import { openLeader, type Leader } from '../../../src/index.ts'
import { obey, tell } from './orders.ts'
import { followScene, runScene, setScene } from './scene-roles.ts'

// A process that leads or follows scenes of the catalogue, in a folder with a database of each: `catalogue-process.ts lead POLICY FOLDER SCENE...` with
// numbers of scenes from 0, and `catalogue-process.ts follow FOLDER SCENE=URL=SEQUENCE...`, which follows so far and is done.

const [role, ...rest] = process.argv.slice(2)
if (role === 'lead') await lead(rest[0] as Policy, rest[1]!, rest.slice(2).map(Number))
else await follow(rest[0]!, rest.slice(1))

async function lead(policy: Policy, folder: string, scenes: readonly number[]): Promise<void> {
  const leaders: Leader[] = []
  for (const scene of scenes) {
    const database = join(folder, `${scene}.db`)
    const leader = await openLeader({ database, formats: ['statement'], statements: { policy }, thread: 'same' })
    setScene(leader.database, CATALOGUE[scene]!)
    leaders.push(leader)
  }
  const sequences = (): Promise<number[]> =>
    Promise.all(leaders.map(async (leader) => (await leader.waitFor({ followers: 0 })).sequence))
  tell({ kind: 'up', urls: leaders.map(({ url }) => url), sequences: await sequences() })
  obey({
    run: async () => {
      const codes = leaders.map(({ database }, i) => runScene(database, CATALOGUE[scenes[i]!]!))
      return { codes, sequences: await sequences(), clock: clockOf(leaders[0]!) }
    },
    close: async () => {
      await Promise.all(leaders.map((leader) => leader.close()))
      return {}
    },
  })
}

async function follow(folder: string, pairs: readonly string[]): Promise<void> {
  const stopped: Record<string, string> = {}
  await Promise.all(
    pairs.map(async (pair) => {
      const [scene, url, sequence] = pair.split('=') as [string, string, string]
      const following = await followScene({ url, database: join(folder, `${scene}-copy.db`), sequence: Number(sequence) })
      if ('stopped' in following) stopped[scene] = following.stopped.message
      else await following.follower.close()
    }),
  )
  tell({ kind: 'done', stopped, zone: process.env['TZ'], now: Date.now() })
}

/** What SQLite takes for the time, in seconds. */
function clockOf({ database }: Leader): unknown {
  return database.prepare("SELECT unixepoch('now')").pluck().get()
}
