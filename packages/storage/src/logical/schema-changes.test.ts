import { join } from 'node:path'
import { expect, test } from 'vitest'
import { contentOf } from '../../test/logical/content.ts'
import { jsonRows } from '../../test/logical/json-rows.ts'
import { RowLeader } from '../../test/logical/row-leader.ts'
import { openFollowed } from '../../test/logical/followed-leader.ts'
import { stories } from '../../test/logical/stories.ts'
import { inFolder, takeSnapshot } from '../../test/replica/follow.ts'
import { openLogicalReplica } from './open-logical-replica.ts'

test.each(stories.filter(({ needsSource }) => needsSource !== true))('$title', ({ first, commits, options }) =>
  inFolder(async (folder) => {
    const leader = new RowLeader(join(folder, 'leader.db'), options)
    if (first !== undefined) leader.run(first)
    const database = join(folder, 'copy.db')
    const replica = await openLogicalReplica({ database, formats: [jsonRows], threads: false })
    await takeSnapshot(leader.still(), replica)
    expect(contentOf(database)).toEqual(contentOf(join(folder, 'leader.db')))
    for (const sql of commits) {
      replica.apply(isOwnTransaction(sql) ? leader.run(sql) : leader.commit(sql))
      expect(contentOf(database), sql).toEqual(contentOf(join(folder, 'leader.db')))
      expect(replica.state).toMatchObject({ kind: 'ready', position: leader.position, digest: leader.digest })
    }
    await replica.close()
    // The same, all at once.
    const second = join(folder, 'second.db')
    const other = await openLogicalReplica({ database: second, formats: [jsonRows], threads: false })
    const start = new RowLeader(join(folder, 'start.db'), options)
    if (first !== undefined) start.run(first)
    await takeSnapshot(start.still(), other)
    start.close()
    other.apply(leader.entries.slice(first === undefined ? 0 : 1))
    await other.close()
    expect(contentOf(second)).toEqual(contentOf(join(folder, 'leader.db')))
    leader.close()
  }),
)

// The same with what the source tells, commit by commit, and the copy's place in between.
test.each(stories)('told by the source: $title', ({ first, commits, options }) =>
  inFolder(async (folder) => {
    const source = join(folder, 'leader.db')
    const leader = await openFollowed(source, { first, ...options })
    const database = join(folder, 'copy.db')
    const replica = await openLogicalReplica({ database, formats: [jsonRows], threads: false })
    await takeSnapshot(leader.still(), replica)
    for (const sql of commits) {
      replica.apply(await leader.run(isOwnTransaction(sql) ? sql : `BEGIN; ${sql}; COMMIT`))
      expect(contentOf(database), sql).toEqual(contentOf(source))
    }
    await replica.close()
    await leader.close()
  }),
)

function isOwnTransaction(sql: string): boolean {
  return /BEGIN;|VACUUM|foreign_keys|ignore_check|writable_schema/.test(sql)
}
