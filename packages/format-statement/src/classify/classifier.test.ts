import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { classifyIn } from '../../test/database.ts'
import { newClassifier, openSqlitePort, schemaVersionOf, type SqlitePortOptions, type Verdict } from '../index.ts'

function openIn(setup: string, options?: SqlitePortOptions) {
  const database = new Database(':memory:')
  onTestFinished(() => void database.close())
  database.exec(setup)
  const classifier = newClassifier(openSqlitePort(database, options))
  return { database, classifier, classify: (sql: string): Verdict => classifier.classify(sql, schemaVersionOf(database)) }
}

const codesOf = ({ findings }: Verdict): string[] => findings.map(({ code }) => code)

test('a verdict is remembered for as long as the schema is the same', () => {
  const { database, classify } = openIn('CREATE TABLE t(id INTEGER PRIMARY KEY, a)')
  const verdict = classify('INSERT INTO t(a) VALUES(1)')
  expect(classify('INSERT INTO t(a) VALUES(1)')).toBe(verdict)
  expect(verdict.safety).toBe('safe')
  database.exec('CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET a = random() WHERE id = NEW.id; END')
  expect(codesOf(classify('INSERT INTO t(a) VALUES(1)'))).toContain('RANDOM_VALUE')
  database.exec('DROP TRIGGER g')
  expect(classify('INSERT INTO t(a) VALUES(1)').safety).toBe('safe')
})

test('TEMP objects count as schema too', () => {
  const { database, classify } = openIn('CREATE TABLE t(id INTEGER PRIMARY KEY, a)')
  expect(classify('INSERT INTO t(a) VALUES(1)').safety).toBe('safe')
  database.exec('CREATE TEMP TABLE t(a)')
  expect(codesOf(classify('INSERT INTO t(a) VALUES(1)'))).toEqual(['TEMP_SHADOWS_MAIN'])
  expect(classify('INSERT INTO main.t(a) VALUES(1)').safety).toBe('safe')
  expect(classify('INSERT INTO temp.t(a) VALUES(random())')).toMatchObject({ safety: 'safe', writes: false })
})

test('once the largest rowid was given, verdicts are worked out anew', () => {
  const { database, classifier, classify } = openIn('CREATE TABLE t(id INTEGER PRIMARY KEY, a)')
  expect(classify('INSERT INTO t(a) VALUES(1)').safety).toBe('safe')
  const { lastInsertRowid } = database
    .prepare('INSERT INTO t(id) VALUES(?)')
    .safeIntegers()
    .run(2n ** 63n - 1n)
  classifier.noteRowid(lastInsertRowid)
  expect(codesOf(classify('INSERT INTO t(a) VALUES(1)'))).toEqual(['ROWID_EXHAUSTED'])
})

test('asking changes nothing', () => {
  const { database, classify } = openIn('CREATE TABLE t(a)')
  for (const sql of [
    'INSERT INTO t VALUES(1)',
    'PRAGMA user_version = 5',
    'DROP TABLE t',
    'PRAGMA foreign_keys = OFF',
    'BEGIN',
    'VACUUM',
  ])
    classify(sql)
  expect(database.pragma('user_version', { simple: true })).toBe(0)
  expect(database.pragma('foreign_keys', { simple: true })).toBe(1)
  expect(database.prepare('SELECT count(*) FROM t').pluck().get()).toBe(0)
  expect(database.inTransaction).toBe(false)
})

test.each(['?', '?1', ':a', '@a', '$a', '/* ? */ ?', "'?' || :a"])('parameters of any kind are no hindrance: %s', (parameter) => {
  expect(classifyIn('CREATE TABLE t(a)', `INSERT INTO t VALUES(${parameter})`).safety).toBe('safe')
})

test('each finding has its place in the statement, and says through what the statement comes to it', () => {
  const setup = `CREATE TABLE t(id INTEGER PRIMARY KEY, a); CREATE TABLE l(id INTEGER PRIMARY KEY, m DEFAULT CURRENT_DATE);
    CREATE TRIGGER g AFTER DELETE ON t BEGIN INSERT INTO l(id) VALUES(OLD.id); END`
  const sql = "DELETE FROM t WHERE a = 'é😀' OR id = random() LIMIT 5"
  const found = classifyIn(setup, sql).findings.map(({ code, start, end, through }) => [code, sql.slice(start, end), through])
  expect(found).toEqual([
    ['CLOCK', 't', 'trigger g, default of l.m'],
    ['VALUE_PER_ROW', 'random()', undefined],
    ['LIMIT_WITHOUT_ORDER', 'LIMIT 5', undefined],
  ])
})

test('what can not be read is not called safe', () => {
  const port = {
    schemaRows: () => [],
    explain: () => [{ opcode: 'Transaction', p1: 0, p2: 1, p3: 0, p4: null, p5: 0 }],
    userFunctions: () => new Set<string>(),
    isRowidExhausted: () => false,
  }
  expect(newClassifier(port).classify('UPSERT t BY a', 0)).toMatchObject({
    safety: 'rows',
    findings: [{ code: 'UNPARSED' }],
    writes: true,
  })
  expect(newClassifier(port).classify('-- x\npragma with a new syntax', 0)).toMatchObject({
    safety: 'rows',
    findings: [{ code: 'UNPARSED' }],
  })
})

test('a function that the program declared recordable may be recorded, where each call belongs to one row', () => {
  const { database, classify } = openIn('CREATE TABLE t(id INTEGER PRIMARY KEY, a)', {
    recordableFunctions: () => new Set(['uuid']),
  })
  database.function('uuid', () => 'x')
  expect(codesOf(classify('INSERT INTO t(a) VALUES(uuid())'))).toEqual(['RECORDABLE_FUNCTION'])
  expect(codesOf(classify('UPDATE t SET a = uuid() WHERE id = 1'))).toEqual(['RECORDABLE_FUNCTION'])
  expect(codesOf(classify('UPDATE t SET a = uuid()'))).toEqual(['VALUE_PER_ROW'])
})

test("a function of the program's own under the name of SQLite's is the program's", () => {
  const { database, classify } = openIn('CREATE TABLE t(a)')
  database.function('lower', (value) => value)
  expect(codesOf(classify("INSERT INTO t VALUES(lower('A'))"))).toEqual(['USER_FUNCTION'])
})

test('an index on a function does not hide that the function is called', () => {
  const { database, classify } = openIn('CREATE TABLE t(id INTEGER PRIMARY KEY, a)')
  database.function('up', { deterministic: true }, (value) => value)
  database.exec('CREATE INDEX i ON t(up(a))')
  expect(codesOf(classify("DELETE FROM t WHERE up(a) = 'X'"))).toContain('USER_FUNCTION')
})

const TREE = 'CREATE TABLE tree(id INTEGER PRIMARY KEY, up INTEGER REFERENCES tree ON DELETE CASCADE, a);'
const LOGGED = 'CREATE TABLE t(id INTEGER PRIMARY KEY, a); CREATE TABLE log(id INTEGER PRIMARY KEY, m);'

test.each([
  ['a foreign key to the same table', TREE, 'DELETE FROM tree WHERE a = 1', 'CASCADE_ORDER'],
  ['a file', 'CREATE TABLE t(a);', "INSERT INTO t VALUES(load_extension('x'))", 'OUTSIDE_WORLD'],
  [
    'a log that is numbered',
    `${LOGGED}CREATE TRIGGER g AFTER DELETE ON t BEGIN INSERT INTO log(m) VALUES(OLD.a); END;`,
    'DELETE FROM t',
    'TRIGGER_ROW_ORDER',
  ],
  [
    'a counter',
    `${LOGGED}CREATE TRIGGER g AFTER UPDATE ON t BEGIN UPDATE log SET m = NEW.a; END;`,
    'UPDATE t SET a = a + 1',
    'TRIGGER_ROW_ORDER',
  ],
  [
    'a trigger that stops half way',
    `${LOGGED}CREATE TRIGGER g BEFORE UPDATE ON t WHEN NEW.a > 5 BEGIN SELECT RAISE(FAIL, 'no'); END;`,
    'UPDATE t SET a = a + 1',
    'TRIGGER_ROW_ORDER',
  ],
  [
    'a subquery that reads what a trigger writes',
    `${LOGGED}CREATE TRIGGER g AFTER DELETE ON t BEGIN DELETE FROM log WHERE m = OLD.a; END;`,
    'DELETE FROM t WHERE id IN (SELECT m FROM log)',
    'TRIGGER_ROW_ORDER',
  ],
  [
    'a trigger behind a foreign key',
    `${LOGGED}CREATE TABLE c(id INTEGER PRIMARY KEY, t REFERENCES t ON DELETE CASCADE);CREATE TRIGGER g AFTER DELETE ON c BEGIN INSERT INTO log(m) VALUES(OLD.id); END;`,
    'DELETE FROM t WHERE id = 1',
    'TRIGGER_ROW_ORDER',
  ],
])('the order of rows shows in %s', (_what, setup, sql, code) => {
  expect(codesOf(classifyIn(setup, sql))).toContain(code)
})

test.each([
  ['a foreign key to the same table', TREE, 'DELETE FROM tree WHERE id = 1'],
  [
    'a log that is numbered',
    `${LOGGED}CREATE TRIGGER g AFTER DELETE ON t BEGIN INSERT INTO log(m) VALUES(OLD.a); END;`,
    'DELETE FROM t WHERE id = 1',
  ],
  [
    'a counter',
    `${LOGGED}CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE log SET m = m + 1 WHERE id = NEW.a; END;`,
    'INSERT INTO t(a) VALUES(1), (2)',
  ],
  [
    'a check of a parent',
    `${LOGGED}CREATE TRIGGER g BEFORE UPDATE ON t BEGIN SELECT RAISE(ABORT, 'no') WHERE NOT EXISTS (SELECT 1 FROM log WHERE id = NEW.a); END;`,
    'UPDATE t SET a = a + 1',
  ],
])('the order of rows does not show in %s, when it is one row or in the text', (_what, setup, sql) => {
  expect(['safe', 'context']).toContain(classifyIn(setup, sql).safety)
})

test.each([
  ['CREATE INDEX j ON t(v, date(v))', [['date', 'index']]],
  [
    "INSERT INTO t(v) VALUES (datetime('now'))",
    [
      ['date', 'generated-column'],
      ['time', 'check'],
      ['strftime', 'index'],
    ],
  ],
  [
    "INSERT INTO t(v) VALUES (date('now'))",
    [
      ['time', 'check'],
      ['strftime', 'index'],
    ],
  ],
  ['INSERT INTO s SELECT d FROM t', [['date', 'generated-column']]],
  ['DELETE FROM s WHERE date(v) > 1', undefined],
] as const)('functions that SQLite holds to their arguments alone are told: %s', (sql, expected) => {
  const { classify } = openIn(`CREATE TABLE s(v);
    CREATE TABLE t(v, d AS (date(v)), CHECK (time(v) IS NOT d AND d IS NOT 1));
    CREATE INDEX i ON t(strftime('%Y', v)) WHERE julianday(v) > 1 OR date(v) > 1`)
  const { pureCalls } = classify(sql)
  const told = pureCalls === undefined ? undefined : [...pureCalls].filter(([name]) => name !== 'julianday')
  expect(told?.toSorted()).toEqual(expected?.toSorted())
})
