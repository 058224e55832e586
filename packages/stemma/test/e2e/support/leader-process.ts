import { openLeader, type Leader } from '../../../src/index.ts'
import { obey, tell } from './orders.ts'

// A process that leads several databases: `leader-process.ts PATH=URL[=FORMATS]...`.

const leaders: Leader[] = []
await Promise.all(
  process.argv.slice(2).map(async (argument, i) => {
    const [database, listen, formats = 'wal'] = argument.split('=') as [string, string, string?]
    const leader = await openLeader({
      database,
      listen,
      formats: formats.split(','),
      thread: 'same',
      onEvent: (event) => tell({ database: i, ...event }),
    })
    leaders[i] = leader
  }),
)
tell({ kind: 'up', urls: leaders.map(({ url }) => url) })

obey({
  /** Waits until a follower of each has everything durably. */
  settle: async () => ({
    positions: await Promise.all(leaders.map((leader) => leader.waitFor({ level: 'durable', timeoutMs: 20_000 }))),
  }),
  close: async () => {
    await Promise.all(leaders.map((leader) => leader.close()))
    return {}
  },
})
