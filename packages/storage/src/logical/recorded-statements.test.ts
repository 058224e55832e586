import Database from 'better-sqlite3'
import { afterEach, expect, test } from 'vitest'
import { contentOf } from '../../test/logical/content.ts'
import { withStatements, type StatementLeader, type ToRun } from '../../test/logical/statement-leader.ts'
import { openFunctionRecorder } from '../statements/functions/open-function-recorder.ts'

const zone = process.env['TZ']
afterEach(() => {
  if (zone === undefined) delete process.env['TZ']
  else process.env['TZ'] = zone
})

/** A leader whose clock stands in another year, in another time zone. */
function recording(leader: StatementLeader): (sql: string, asksConnection?: boolean) => ToRun {
  process.env['TZ'] = 'America/New_York'
  let moment = Date.UTC(2001, 1, 3, 4, 5, 6, 789)
  const recorder = openFunctionRecorder(leader.database, { now: () => (moment += 1_234) })
  const next = recorder.wrap('next', () => moment++)
  leader.database.function('next', next)
  leader.database.function(
    'up',
    { deterministic: true },
    recorder.wrap('up', (text: unknown) => String(text).toUpperCase(), true),
  )
  const state = leader.database
    .prepare('SELECT last_insert_rowid() AS lastInsertRowid, changes() AS changes, total_changes() AS totalChanges')
    .safeIntegers(true)
  return (sql, asksConnection = false) => {
    let connection: { lastInsertRowid: bigint; changes: number; totalChanges: number } | undefined
    const begin = (): void => {
      if (asksConnection) {
        const { lastInsertRowid, changes, totalChanges } = state.get() as Record<string, bigint>
        connection = { lastInsertRowid: lastInsertRowid!, changes: Number(changes), totalChanges: Number(totalChanges) }
      }
      recorder.begin()
    }
    const take = () => {
      const recorded = recorder.take()
      return recorded === undefined ? undefined : { ...recorded, connection }
    }
    return { sql, verdict: { safety: 'record' }, record: { begin, take } }
  }
}

const SCHEMA = `
  CREATE TABLE t (id INTEGER PRIMARY KEY, a, at DEFAULT CURRENT_TIMESTAMP, b DEFAULT (hex(randomblob(4))));
  CREATE TABLE log (id INTEGER PRIMARY KEY, what);
  CREATE TABLE k (v); INSERT INTO k VALUES ('now'), ('2024-01-01');
  CREATE TRIGGER g AFTER INSERT ON t BEGIN
    INSERT INTO log (what) VALUES (random()), (datetime('now', 'localtime')), (last_insert_rowid()), (changes());
  END;
`

const ASKING = 'INSERT INTO log (what) VALUES (last_insert_rowid()), (changes()), (total_changes())'

test('a copy gives statements what functions gave on the leader, wherever they hide', () =>
  withStatements(SCHEMA, ({ leader, replica, source, copy }) => {
    const recorded = recording(leader)
    const run = (sql: string, asksConnection?: boolean): unknown => leader.run(recorded(sql, asksConnection))
    run("INSERT INTO t (a) VALUES (random()), (randomblob(16)), (datetime('now', '-1 day'))", true)
    run('INSERT INTO log (what) SELECT unixepoch(v) FROM k')
    run(
      "INSERT INTO log (what) VALUES (datetime('2024-07-01 12:00', 'localtime')), (timediff('now', '2024-01-01')), (current_date)",
    )
    run(ASKING, true)
    leader.runAsRows("INSERT INTO log (what) VALUES ('rows')")
    leader.run('UPDATE t SET a = a || a')
    run(ASKING, true)
    leader.run(recorded("INSERT INTO t (a) VALUES (next() || up('x'))", true), recorded(ASKING, true), 'DELETE FROM k')
    leader.run('DELETE FROM k WHERE 0', recorded(ASKING, true))
    leader.run("UPDATE t SET a = date('2024-01-01', '+1 month')")
    process.env['TZ'] = 'Asia/Tokyo'
    replica.apply(leader.entries.slice(0, 4))
    replica.apply(leader.entries)
    expect(contentOf(copy)).toEqual(contentOf(source))
    expect(contentOf(copy).tables['t']?.length).toBe(4)
    const first = new Database(copy, { readonly: true }).prepare('SELECT at FROM t').pluck().get()
    expect(first).toBe('2001-02-03 04:05:08')
  }))

test('logged as they are, statements get what the copy’s own functions give, before and after recorded ones', () =>
  withStatements('CREATE TABLE t (id INTEGER PRIMARY KEY, a)', ({ leader, replica, source, copy }) => {
    const raw = (sql: string): ToRun => ({ sql, verdict: { safety: 'record', isRepeatable: true } })
    const recorded = recording(leader)
    const asks: ToRun = {
      ...raw('INSERT INTO t (a) VALUES (changes())'),
      verdict: { safety: 'record', findings: [{ code: 'CONNECTION_STATE', start: 0, end: 1 }] },
    }
    leader.run(raw("INSERT INTO t (a) VALUES (date('now'))"))
    leader.run(recorded("INSERT INTO t (a) VALUES (date('now'))"))
    leader.run(recorded('INSERT INTO t (a) VALUES (1), (2)'))
    leader.run(asks)
    leader.run(raw("INSERT INTO t (a) VALUES (date('now'))"))
    replica.apply(leader.entries)
    const read = (path: string): unknown[] => new Database(path, { readonly: true }).prepare('SELECT a FROM t').pluck().all()
    const today = new Date().toISOString().slice(0, 10)
    expect(read(source)).toEqual(['2001-02-03', '2001-02-03', 1, 2, 2, '2001-02-03'])
    expect(read(copy)).toEqual([today, '2001-02-03', 1, 2, 2, today])
  }))

test.each<[string, (recorded: (sql: string) => ToRun) => ToRun, RegExp]>([
  [
    'draws more',
    (recorded) => recorded('INSERT INTO t (a) SELECT random() FROM s'),
    /random\(\) is called here; on the leader nothing more was/,
  ],
  [
    'draws less',
    (recorded) => recorded('INSERT INTO t (a) SELECT random() FROM s'),
    /random\(\) was called 1 times here, 3 times there/,
  ],
  [
    'asks for another time',
    (recorded) => recorded('INSERT INTO t (a) SELECT date(v) FROM s LIMIT 1'),
    /date\(\) asks clock or time zone/,
  ],
])('a copy stops at a statement that %s than it did on the leader', (title, make, message) =>
  withStatements(
    "CREATE TABLE t (a); CREATE TABLE s (v); INSERT INTO s VALUES ('x'), ('y'), ('z')",
    ({ leader, replica, copy }) => {
      const recorded = recording(leader)
      leader.run('INSERT INTO t VALUES (1)')
      replica.apply(leader.entries)
      const other = new Database(copy)
      other.exec(title === 'draws less' ? "DELETE FROM s WHERE v > 'x'" : "INSERT INTO s VALUES ('w'); UPDATE s SET v = 'now'")
      other.close()
      leader.run(make(recorded))
      expect(() => replica.apply(leader.entries)).toThrow(expect.objectContaining({ code: 'STATEMENT_DIFFERS' }))
      expect(() => replica.apply(leader.entries)).toThrow(message)
    },
  ),
)
