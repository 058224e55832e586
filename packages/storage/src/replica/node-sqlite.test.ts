import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bytesOf, inFolder, open, takeSnapshot } from '../../test/replica/follow.ts'
import { TestLeader } from '../../test/replica/test-leader.ts'
import { nodeSqlite } from '../sqlite/node-sqlite.ts'
import type { ReplicaEvent } from './replica.ts'

// Vitest gives each file a process. In this one better-sqlite3 opens the leader alone, and the copy is node:sqlite's: a database that two
// libraries of one process have open loses its locks.

test.each([
  ['on this thread', false],
  ['with threads', true],
])('a copy is kept by node:sqlite too, %s: snapshot, entries, checkpoints, and again after it was closed', (_, threads) =>
  inFolder(async (folder) => {
    const leader = new TestLeader(join(folder, 'leader.db'))
    leader.run('CREATE TABLE t(id INTEGER PRIMARY KEY, name); CREATE INDEX t_name ON t(name)')
    const events: ReplicaEvent[] = []
    const options = {
      driver: nodeSqlite,
      threads,
      softWalBytes: 100_000,
      onEvent: (event: ReplicaEvent): void => void events.push(event),
    }
    const replica = await open(folder, options)
    await takeSnapshot(leader, replica)
    while (events.filter((event) => event.kind === 'checkpointed' && event.restarted).length < 2) {
      replica.apply(leader.run(`INSERT INTO t(name) VALUES (hex(randomblob(3000)))`))
      await new Promise(setImmediate)
    }
    expect(await replica.sync()).toEqual(leader.position)
    await replica.close()
    expect(Buffer.compare(bytesOf(replica), leader.bytes())).toBe(0)

    const again = await open(folder, options)
    expect(again.state).toMatchObject({ kind: 'ready', position: leader.position, digest: leader.digest })
    again.apply(leader.run('DELETE FROM t WHERE id % 2 = 0'))
    const reader = nodeSqlite.open(again.database, { mustExist: true, readOnly: true })
    expect(reader.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
    expect(reader.prepare('SELECT count(*) AS n FROM t WHERE id % 2 = 0').get()).toEqual({ n: 0n })
    reader.close()
    await again.close()
    expect(events.filter(({ kind }) => kind === 'warning' || kind === 'not-as-left')).toEqual([])
    leader.close()
  }),
)
