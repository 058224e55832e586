import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openFollower, openLeader, type FollowerEvent, type Leader, type LeaderEvent } from '../../src/index.ts'
import { Child } from './support/child.ts'
import { ACCOUNTS, makeDatabase, moveMoney, newFolder } from './support/folder.ts'
import { runElsewhere } from './support/programs.ts'
import { expectEqual } from './support/proof.ts'

const MOVE = 'UPDATE account SET balance = balance + 1 WHERE id = 1; UPDATE account SET balance = balance - 1 WHERE id = 2'

/** What other programs may do while nobody leads, and whether it goes unseen: then the database must be compared with the log. */
test.each<[string, string]>([
  ['writes', MOVE],
  ['writes and checkpoints with TRUNCATE', `${MOVE}; PRAGMA wal_checkpoint(TRUNCATE)`],
  ['writes, checkpoints with TRUNCATE, and writes', `${MOVE}; PRAGMA wal_checkpoint(TRUNCATE); ${MOVE}`],
  [
    'writes and checkpoints with RESTART, twice',
    `${MOVE}; PRAGMA wal_checkpoint(RESTART); ${MOVE}; PRAGMA wal_checkpoint(RESTART); ${MOVE}`,
  ],
  ['leaves WAL mode, writes, and comes back', `PRAGMA journal_mode = DELETE; ${MOVE}; PRAGMA journal_mode = WAL`],
  ['vacuums', `${MOVE}; DELETE FROM account WHERE id > 50; UPDATE account SET balance = 200; VACUUM`],
  ['puts everything anew', `DROP TABLE account; ${ACCOUNTS}`],
  ['does nothing but checkpoint', 'PRAGMA wal_checkpoint(TRUNCATE)'],
])('while nobody leads, another program %s: nothing is missed', async (_title, sql) => {
  const folder = newFolder()
  const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
  makeDatabase(app, ACCOUNTS)
  const told: LeaderEvent[] = []
  const heard: FollowerEvent[] = []
  const lead = async (listen: string): Promise<Leader> => {
    const leader = await openLeader({ database: app, listen, thread: 'same', onEvent: (event) => told.push(event) })
    onTestFinished(() => leader.close())
    return leader
  }
  const first = await lead('tcp://127.0.0.1:0')
  const follower = await openFollower({ url: first.url, database: copy, thread: 'same', onEvent: (event) => heard.push(event) })
  onTestFinished(() => follower.close())
  for (let i = 0; i < 50; i++) moveMoney(first.database)
  await first.waitFor()
  await first.close()

  await runElsewhere(app, sql)

  const second = await lead(first.url)
  await second.waitFor({ timeoutMs: 20_000 })
  await expectEqual(app, copy)
  moveMoney(second.database)
  await second.waitFor()
  await expectEqual(app, copy)
  // A clean end leaves no WAL behind, so that whatever changed is only found by comparing.
  expect(told.filter(({ kind }) => kind === 'gap-mended')).toHaveLength(sql.includes('UPDATE') || sql.includes('DROP') ? 1 : 0)
  expect(heard.filter(({ kind }) => kind === 'snapshot-started')).toHaveLength(1)
})

test('a database that another process leads or follows is refused, and free when that process is killed', async () => {
  const folder = newFolder()
  const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
  makeDatabase(app, ACCOUNTS)
  const leading = new Child('./leader-process.ts', [`${app}=tcp://127.0.0.1:0`])
  const [url] = (await leading.told('up'))['urls'] as [string]
  const following = new Child('./follower-process.ts', [`${copy}=${url}`])
  await following.told('up')
  await expect(openLeader({ database: app })).rejects.toMatchObject({ code: 'ALREADY_OPEN' })
  await expect(openFollower({ database: copy, url })).rejects.toMatchObject({ code: 'ALREADY_OPEN' })
  await following.kill()
  await leading.kill()
  const leader = await openLeader({ database: app })
  onTestFinished(() => leader.close())
  const follower = await openFollower({ database: copy, url: leader.url })
  onTestFinished(() => follower.close())
  moveMoney(leader.database)
  await leader.waitFor()
  await expectEqual(app, copy)
})
