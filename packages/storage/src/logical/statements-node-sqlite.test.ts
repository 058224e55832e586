import { expect, test } from 'vitest'
import { contentOf } from '../../test/logical/content.ts'
import { withStatements, type ToRun } from '../../test/logical/statement-leader.ts'
import { STORIES } from '../../test/logical/statement-stories.ts'
import { nodeSqlite } from '../sqlite/node-sqlite.ts'
import { openFunctionRecorder } from '../statements/functions/open-function-recorder.ts'

// In this process better-sqlite3 opens the leader alone, and the copy while node:sqlite does not have it open.
test.each(STORIES)('by node:sqlite, a copy runs %s', (_title, schema, work) =>
  withStatements(
    schema,
    async ({ leader, replica, follow, source, copy }) => {
      work(leader)
      follow()
      await replica.close()
      expect(contentOf(copy)).toEqual(contentOf(source))
    },
    { driver: nodeSqlite },
  ),
)

test('by node:sqlite, functions give what they gave on the leader', () =>
  withStatements(
    'CREATE TABLE t (a, b DEFAULT (hex(randomblob(4))), c DEFAULT CURRENT_TIMESTAMP); CREATE INDEX i ON t (date(a))',
    async ({ leader, replica, follow, source, copy }) => {
      const recorder = openFunctionRecorder(leader.database, { now: () => Date.UTC(2001, 1, 3) })
      leader.database.function(
        'lucky',
        recorder.wrap('lucky', () => 0.5),
      )
      const run = (sql: string): ToRun => ({ sql, verdict: { safety: 'record' }, record: recorder })
      leader.run(run('INSERT INTO t (a) VALUES (random()), (lucky())'))
      leader.run(
        run("INSERT INTO t (a) VALUES (datetime('now', '-1 day')), (unixepoch('subsec'))"),
        run('UPDATE t SET b = lucky() WHERE rowid = 1'),
      )
      follow()
      await replica.close()
      expect(contentOf(copy)).toEqual(contentOf(source))
      recorder.close()
    },
    { driver: nodeSqlite },
  ))
