import { openFollower, type Follower } from '../../../src/index.ts'
import { obey, tell } from './orders.ts'

// A process that follows several leaders: `follower-process.ts PATH=URL[=FORMAT]...`.

const followers: Follower[] = []
await Promise.all(
  process.argv.slice(2).map(async (argument, i) => {
    const [database, url, format = 'wal'] = argument.split('=') as [string, string, string?]
    const onEvent = (event: { kind: string }): void => tell({ database: i, ...event })
    followers[i] = await openFollower({ url, database, format, thread: 'same', ready: 'readable', onEvent })
  }),
)
tell({ kind: 'up' })

obey({
  close: async () => {
    await Promise.all(followers.map((follower) => follower.close()))
    return {}
  },
})
