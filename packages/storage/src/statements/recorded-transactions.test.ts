import { afterEach, describe, expect, test } from 'vitest'
import { type RecordedWorld, openRecordedWorld } from './testing/recorded-world.ts'

let world: RecordedWorld | undefined
afterEach(() => world?.close())

function open(...options: Parameters<typeof openRecordedWorld>): RecordedWorld {
  world = openRecordedWorld(...options)
  return world
}

describe('what a sink is told of', () => {
  test.each<[string, string[], string[], number]>([
    [
      'statements under autocommit',
      ['INSERT INTO t VALUES (1, 2)', 'DELETE FROM t'],
      ['INSERT INTO t VALUES (1, 2) (1 #1)', 'DELETE FROM t (1)'],
      0,
    ],
    [
      'a rowid that is the same as before is not told',
      ['INSERT INTO t VALUES (5, 1)', 'INSERT INTO p VALUES (5)'],
      ['INSERT INTO t VALUES (5, 1) (1 #5)', 'INSERT INTO p VALUES (5) (1)'],
      0,
    ],
    [
      'a transaction',
      ['BEGIN', 'INSERT INTO p VALUES (1)', 'INSERT INTO p VALUES (2)', 'COMMIT'],
      ['INSERT INTO p VALUES (1) (1 #1); INSERT INTO p VALUES (2) (1 #2)'],
      0,
    ],
    [
      'nothing of what only reads',
      ['SELECT 1', 'BEGIN', 'SELECT * FROM t', 'COMMIT', 'EXPLAIN DELETE FROM t', 'PRAGMA foreign_keys'],
      [],
      0,
    ],
    ['nothing of a transaction that is rolled back', ['BEGIN', 'INSERT INTO p VALUES (1)', 'ROLLBACK'], [], 1],
    [
      'not what ROLLBACK TO takes back',
      [
        'BEGIN',
        'INSERT INTO p VALUES (1)',
        'SAVEPOINT s',
        'INSERT INTO p VALUES (2)',
        'ROLLBACK TO s',
        'INSERT INTO p VALUES (3)',
        'COMMIT',
      ],
      ['INSERT INTO p VALUES (1) (1 #1); INSERT INTO p VALUES (3) (1 #3)'],
      0,
    ],
    [
      'a savepoint can begin and end a transaction',
      ['SAVEPOINT a', 'INSERT INTO p VALUES (1)', 'SAVEPOINT b', 'INSERT INTO p VALUES (2)', 'RELEASE b', 'RELEASE a'],
      ['INSERT INTO p VALUES (1) (1 #1); INSERT INTO p VALUES (2) (1 #2)'],
      0,
    ],
    [
      'ROLLBACK TO a savepoint from before the first write',
      ['SAVEPOINT a', 'INSERT INTO p VALUES (1)', 'ROLLBACK TO a', 'RELEASE a'],
      [],
      1,
    ],
    [
      'savepoints of one name: the innermost counts',
      [
        'BEGIN',
        'SAVEPOINT s',
        'INSERT INTO p VALUES (1)',
        'SAVEPOINT S',
        'INSERT INTO p VALUES (2)',
        'ROLLBACK TO "s"',
        'RELEASE s',
        'ROLLBACK TO s',
        'INSERT INTO p VALUES (3)',
        'COMMIT',
      ],
      ['INSERT INTO p VALUES (3) (1 #3)'],
      0,
    ],
    [
      'not what fails',
      [
        'INSERT INTO u VALUES (1)',
        'INSERT INTO u VALUES (2), (1)',
        'BEGIN',
        'INSERT INTO u VALUES (3), (1)',
        'INSERT INTO u VALUES (4)',
        'COMMIT',
      ],
      ['INSERT INTO u VALUES (1) (1 #1)', 'INSERT INTO u VALUES (4) (1)'],
      1,
    ],
    [
      'rows are sent for what FAIL leaves',
      [
        'INSERT INTO u VALUES (1)',
        'INSERT OR FAIL INTO u VALUES (2), (1)',
        'BEGIN',
        'INSERT INTO p VALUES (1)',
        'INSERT OR FAIL INTO u VALUES (3), (1)',
        'COMMIT',
      ],
      ['INSERT INTO u VALUES (1) (1 #1)'],
      2,
    ],
    [
      'rows are sent for what stays when a STRICT table refuses a value',
      [
        'CREATE TABLE z(a INTEGER) STRICT',
        'BEGIN',
        'INSERT INTO p VALUES (1)',
        'INSERT OR IGNORE INTO z VALUES (2), (1.5)',
        'COMMIT',
        'INSERT OR IGNORE INTO z VALUES (2), (1.5)',
        'INSERT INTO z VALUES (3)',
      ],
      ['CREATE TABLE z(a INTEGER) STRICT (0)', 'INSERT INTO z VALUES (3) (1)'],
      2,
    ],
    [
      'ROLLBACK TO takes back what FAIL left',
      [
        'INSERT INTO u VALUES (1)',
        'BEGIN',
        'SAVEPOINT s',
        'INSERT OR FAIL INTO u VALUES (3), (1)',
        'ROLLBACK TO s',
        'INSERT INTO u VALUES (9)',
        'COMMIT',
      ],
      ['INSERT INTO u VALUES (1) (1 #1)', 'INSERT INTO u VALUES (9) (1)'],
      0,
    ],
    [
      'OR ROLLBACK ends the transaction',
      [
        'INSERT INTO u VALUES (1)',
        'BEGIN',
        'INSERT INTO u VALUES (2)',
        'INSERT OR ROLLBACK INTO u VALUES (1)',
        'INSERT INTO u VALUES (5)',
      ],
      ['INSERT INTO u VALUES (1) (1 #1)', 'INSERT INTO u VALUES (5) (1)'],
      1,
    ],
    [
      'a COMMIT that fails is tried again',
      ['BEGIN', 'INSERT INTO c VALUES (1)', 'COMMIT', 'INSERT INTO p VALUES (1)', 'COMMIT'],
      ['INSERT INTO c VALUES (1) (1 #1); INSERT INTO p VALUES (1) (1)'],
      0,
    ],
    [
      'nothing of TEMP and of attached databases',
      [
        'CREATE TEMP TABLE s (a)',
        'INSERT INTO s VALUES (1)',
        "ATTACH ':memory:' AS o",
        'CREATE TABLE o.x (a)',
        'BEGIN',
        'INSERT INTO x VALUES (1)',
        'INSERT INTO p VALUES (7)',
        'COMMIT',
      ],
      ['INSERT INTO p VALUES (7) (1 #7)'],
      0,
    ],
    [
      'changes of the schema',
      ['CREATE TABLE n (a)', 'INSERT INTO n VALUES (1)', 'BEGIN; DROP TABLE n', 'COMMIT'],
      ['CREATE TABLE n (a) (0)', 'INSERT INTO n VALUES (1) (1 #1)', 'DROP TABLE n (0)'],
      0,
    ],
    ['settings in the header of the database', ['PRAGMA user_version = 3'], ['PRAGMA user_version = 3 (0)'], 0],
    [
      'unsafe statements, and nothing behind them in their transaction',
      [
        'UPDATE t SET a = 1 -- unsafe_rows',
        'BEGIN',
        'INSERT INTO p VALUES (1)',
        'SAVEPOINT s',
        'DELETE FROM t -- unsafe_rows',
        'INSERT INTO p VALUES (2)',
        'ROLLBACK TO s',
        'DELETE FROM p',
        'DELETE FROM u -- unsafe_rows',
        'DELETE FROM t',
        'COMMIT',
      ],
      [
        'UPDATE t SET a = 1 -- unsafe_rows (0 unsafe)',
        'INSERT INTO p VALUES (1) (1 #1); DELETE FROM p (1); DELETE FROM u -- unsafe_rows (0 unsafe)',
      ],
      0,
    ],
    [
      'scripts, statement by statement',
      [
        'BEGIN; INSERT INTO p VALUES (1); -- so\n INSERT INTO p VALUES (2); COMMIT; INSERT INTO p VALUES (3); nonsense; INSERT INTO p VALUES (4)',
      ],
      ['INSERT INTO p VALUES (1) (1 #1); INSERT INTO p VALUES (2) (1 #2)', 'INSERT INTO p VALUES (3) (1 #3)'],
      1,
    ],
  ])('%s', (_, program, wanted, dropped) => {
    const { sink, told, attempt } = open()
    for (const sql of program) attempt(sql)
    expect(told()).toEqual(wanted)
    expect(sink.droppedCount).toBe(dropped)
  })

  test('parameters, however they are given', () => {
    const { database, sink } = open()
    const placed = database.prepare('INSERT INTO t VALUES (?, ?)')
    placed.run(1, 'x')
    placed.run([2, undefined])
    placed.run(3n, Buffer.from('a'))
    database.prepare('INSERT INTO t VALUES (:id, $a)').run({ id: 4, a: null, more: 1 })
    database.prepare('INSERT INTO t VALUES (?, @a)').run(5, { a: 'y' })
    database.prepare('INSERT INTO t VALUES (?, ?)').bind(6, 'z').run()
    database.prepare('INSERT INTO t VALUES (?1, ?1)').run({ 1: 7 })
    const values = sink.committedOnes.map(({ statements: [statement] }) => [
      statement?.placed,
      statement?.named && { ...statement.named },
    ])
    expect(values).toEqual([
      [[1, 'x'], undefined],
      [[2, null], undefined],
      [[3n, Buffer.from('a')], undefined],
      [[], { id: 4, a: null }],
      [[5], { a: 'y' }],
      [[6, 'z'], undefined],
      [[], { 1: 7 }],
    ])
  })

  test('a script as long as a dump runs as a whole, and rows are sent for it', () => {
    const { database, sink, told } = open()
    database.exec(`BEGIN; ${'INSERT INTO p VALUES (NULL); '.repeat(1001)} COMMIT; CREATE TABLE n (a)`)
    expect(database.prepare('SELECT count(*) FROM p').pluck().get()).toBe(1001)
    database.exec('INSERT INTO n VALUES (1)')
    expect([told(), sink.droppedCount]).toEqual([['INSERT INTO n VALUES (1) (1 #1)'], 0])
    expect(sink.committedOnes[0]?.schemaVersion).toBe(database.pragma('schema_version', { simple: true }))
  })

  test.each([
    ['what nothing is told of', 'PRAGMA incremental_vacuum'],
    ['a script that is not split', `BEGIN; ${'INSERT INTO p VALUES (NULL); '.repeat(1001)} COMMIT`],
    ['a transaction in which nothing that was seen writes', 'BEGIN; PRAGMA incremental_vacuum; COMMIT'],
  ])('that something else may have been committed: %s', (_, sql) => {
    const { database, sink } = open()
    database.exec('INSERT INTO p VALUES (NULL)')
    const before = sink.untoldCount
    database.exec(sql)
    expect(sink.untoldCount).toBeGreaterThan(before)
    expect(sink.committedOnes).toHaveLength(1)
  })

  test('RETURNING by get, all and iterate', () => {
    const { database, sink, told } = open()
    const statement = database.prepare('INSERT INTO t (a) VALUES (?) RETURNING id')
    statement.get(1)
    statement.all(2)
    for (const _ of statement.iterate(3)) expect(sink.committedOnes).toHaveLength(2)
    expect(told()).toEqual([1, 2, 3].map((id) => `INSERT INTO t (a) VALUES (?) RETURNING id [${id}] (1 #${id})`))
  })

  test('rows are sent when one statement writes while another one does', () => {
    const { database, sink, told } = open()
    const statement = database.prepare('INSERT INTO t (a) VALUES (1), (2) RETURNING id')
    for (const _ of statement.iterate()) database.prepare('INSERT INTO p VALUES (NULL) RETURNING id').get()
    expect([told(), sink.droppedCount]).toEqual([[], 1])
    database.exec('DELETE FROM t')
    expect(told()).toEqual(['DELETE FROM t (4)'].map((line) => line.replace('4', '2')))
  })

  test('transactions of the driver, nested', () => {
    const { database, told } = open()
    const insert = database.prepare('INSERT INTO p VALUES (?)')
    const inner = database.transaction((id: number) => {
      insert.run(id)
      if (id === 2) throw new Error('no')
    })
    database.transaction(() => {
      inner(1)
      expect(() => inner(2)).toThrow('no')
      inner(3)
    })()
    expect(told()).toEqual(['INSERT INTO p VALUES (?) [1] (1 #1); INSERT INTO p VALUES (?) [3] (1 #3)'])
  })

  test('large rowids, exactly', () => {
    const { database, sink } = open()
    database.exec('INSERT INTO p VALUES (9007199254740993)')
    database.prepare('INSERT INTO p VALUES (?)').run(9007199254740995n)
    database.prepare('INSERT INTO p VALUES (?)').safeIntegers().run(-9007199254740997n)
    const rowids = sink.committedOnes.map(({ statements }) => statements[0]?.outcome.lastInsertRowid)
    expect(rowids).toEqual([9007199254740993n, 9007199254740995n, -9007199254740997n])
  })

  test('settings as they are when the statement runs', () => {
    const { database, sink } = open()
    const settings = (): object => sink.committedOnes.at(-1)!.statements.at(-1)!.settings
    database.exec('DELETE FROM t')
    const before = settings()
    expect(before).toEqual({
      foreignKeys: true,
      deferForeignKeys: false,
      recursiveTriggers: false,
      caseSensitiveLike: false,
      ignoreCheckConstraints: false,
      reverseUnorderedSelects: false,
    })
    database.exec('DELETE FROM t')
    expect(settings()).toBe(before)
    for (const pragma of [
      'foreign_keys = 0',
      'recursive_triggers = 1',
      'case_sensitive_like = 1',
      'ignore_check_constraints = 1',
      'reverse_unordered_selects = 1',
    ])
      database.pragma(pragma)
    database.prepare('PRAGMA defer_foreign_keys = 1').run()
    database.exec('DELETE FROM t')
    expect(settings()).toEqual({
      foreignKeys: false,
      deferForeignKeys: true,
      recursiveTriggers: true,
      caseSensitiveLike: true,
      ignoreCheckConstraints: true,
      reverseUnorderedSelects: true,
    })
    database.exec('DELETE FROM t')
    expect(settings()).toMatchObject({ deferForeignKeys: false })
  })

  test('nothing when nobody wants it, nor of a transaction that was open when somebody came', () => {
    const { database, sink, told } = open()
    sink.isWanted = false
    database.exec('INSERT INTO p VALUES (1)')
    database.exec('BEGIN; INSERT INTO p VALUES (2)')
    sink.isWanted = true
    database.exec('INSERT INTO p VALUES (3); COMMIT; INSERT INTO p VALUES (4)')
    expect(told()).toEqual(['INSERT INTO p VALUES (4) (1 #4)'])
  })
})
