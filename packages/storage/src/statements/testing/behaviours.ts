import type Database from 'better-sqlite3'

/** Does something with a database and notes what comes of it, step by step. */
export type Behaviour = (database: Database.Database, note: (value: unknown) => void) => void

/** What behaviours find. */
export const SCHEMA = `PRAGMA journal_mode = WAL;
  CREATE TABLE t (id INTEGER PRIMARY KEY, a, b TEXT);
  CREATE TABLE u (k TEXT UNIQUE, n INTEGER CHECK (n > 0));
  CREATE TABLE p (id INTEGER PRIMARY KEY);
  CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p DEFERRABLE INITIALLY DEFERRED);
  INSERT INTO t (a, b) VALUES (1, 'one'), (2, 'two'), (3, 'three');`

/** What comes of it, errors by class, message and code. */
export function attempt(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return { error: error.constructor.name, message: error.message, code: (error as { code?: unknown }).code }
  }
}

const insert = "INSERT INTO t (a, b) VALUES (7, 'seven')"

/** By what they are about. */
export const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  'run tells changes and the rowid': (db, note) => {
    note(db.prepare(insert).run())
    note(db.prepare('UPDATE t SET a = a + 1').run())
    note(db.prepare('CREATE TABLE x (a)').run())
    note(db.prepare('DELETE FROM t WHERE id = 9').run())
  },
  'parameters by place, in arrays, by name, mixed': (db, note) => {
    const placed = db.prepare('INSERT INTO t (a, b) VALUES (?, ?)')
    note(placed.run(1, 'x'))
    note(placed.run([2, 'y']))
    note(placed.run([3], 'z'))
    note(placed.run(null, undefined))
    note(placed.run(5n, Buffer.from('blob')))
    note(placed.run(new Uint8Array([1, 2]), new Float64Array([1])))
    const named = db.prepare('INSERT INTO t (a, b) VALUES (:a, $b)')
    note(named.run({ a: 1, b: '$' }))
    note(named.run({ a: 1, b: 'more', c: 'left over' }))
    note(db.prepare('INSERT INTO t (a, b) VALUES (?, @b)').run(1, { b: 2 }))
    note(db.prepare('INSERT INTO t (a, b) VALUES (?1, ?1)').run({ 1: 'both' }))
  },
  'parameters that are wrong': (db, note) => {
    const placed = db.prepare('INSERT INTO t (a, b) VALUES (?, ?)')
    const named = db.prepare('INSERT INTO t (a, b) VALUES (:a, :b)')
    note(attempt(() => placed.run(1)))
    note(attempt(() => placed.run(1, 2, 3)))
    note(attempt(() => placed.run(1, true)))
    note(attempt(() => placed.run(1, 2n ** 64n)))
    note(attempt(() => placed.run(new Date(0), 2)))
    note(attempt(() => named.run()))
    note(attempt(() => named.run({ a: 1 })))
    note(attempt(() => named.run({ a: 1, b: 2 }, { a: 1 })))
    note(attempt(() => named.run(Object.create({ a: 1, b: 2 }))))
    note(placed.run(1, 2))
  },
  'parameters that are bound for good': (db, note) => {
    const bytes = Buffer.from('abc')
    const statement = db.prepare('INSERT INTO t (a, b) VALUES (?, ?)').bind(1, bytes)
    bytes.write('xyz')
    note(statement.run())
    note(statement.run())
    note(attempt(() => statement.run(1)))
    note(attempt(() => statement.bind(1, 2)))
    note(`${statement as unknown as string}`)
  },
  'rows in all their forms': (db, note) => {
    const returning = `${insert} RETURNING id, a AS "t.a", b`
    note(db.prepare(returning).get())
    note(db.prepare(returning).all())
    note([...db.prepare(returning).iterate()])
    note(db.prepare(returning).pluck().get())
    note(db.prepare(returning).raw().all())
    note(db.prepare(returning).expand().all())
    note(db.prepare(returning).safeIntegers().all())
    note(db.prepare(returning).columns())
    note(db.prepare(returning).run())
    note(attempt(() => db.prepare(insert).get()))
    note(attempt(() => db.prepare(insert).all()))
    note(attempt(() => db.prepare(insert).iterate()))
    note(attempt(() => db.prepare(insert).pluck()))
    note(attempt(() => db.prepare(insert).columns()))
  },
  'safe integers, of a statement and by default': (db, note) => {
    note(db.prepare(insert).safeIntegers().run())
    db.defaultSafeIntegers()
    note(db.prepare(insert).run())
    note(db.prepare('SELECT max(id) FROM t').get())
    note(db.prepare("INSERT INTO t VALUES (9007199254740993, 1, 'large')").run())
    note(db.prepare(insert).run())
  },
  'what a statement says of itself': (db, note) => {
    for (const sql of [insert, 'BEGIN', 'PRAGMA foreign_keys', 'SELECT 1', `${insert} RETURNING id`]) {
      const statement = db.prepare(sql)
      note([statement.source, statement.reader, statement.readonly, statement.busy, statement.database === db])
      note([Object.keys(statement), `${statement as unknown as string}`, statement.constructor.name])
    }
  },
  'iterating, with other statements in between': (db, note) => {
    const iterator = db.prepare('SELECT id FROM t').iterate()
    note(iterator.next())
    note(attempt(() => db.prepare(insert).run()))
    note(attempt(() => db.exec(insert)))
    note(attempt(() => db.pragma('user_version = 3')))
    note(db.prepare(`${insert} RETURNING id`).all())
    note(db.prepare(`${insert} RETURNING id`).get())
    note(iterator.return?.())
    note(iterator.next())
    note(db.prepare(insert).run())
  },
  'iterating over rows that are written': (db, note) => {
    const statement = db.prepare("INSERT INTO t (a, b) SELECT a, 'copy' FROM t RETURNING id")
    for (const row of statement.iterate()) {
      note(row)
      note(statement.busy)
      note(attempt(() => db.prepare(insert).run()))
      note(attempt(() => [...statement.iterate()]))
    }
    for (const row of statement.iterate()) {
      note(row)
      break
    }
    note(statement.busy)
    const unused = statement.iterate()
    note((unused as unknown as { statement: unknown }).statement === statement)
    note(attempt(() => db.exec(insert)))
    unused.return?.()
    note(attempt(() => statement.run('too many')))
    note(attempt(() => statement.iterate(1)))
  },
  'a transaction': (db, note) => {
    const many = db.transaction((...values: number[]) =>
      values.map((value) => db.prepare('INSERT INTO t (a) VALUES (?)').run(value).changes),
    )
    note(many(1, 2, 3))
    note(many.deferred(1))
    note(many.immediate(1))
    note(many.exclusive(1))
    note((many as unknown as { database: unknown }).database === db)
    note([many.name, many.length, Object.keys(many)])
    note(
      db
        .transaction(function (this: unknown) {
          return this
        })
        .call(5),
    )
  },
  'transactions that fail': (db, note) => {
    const fail = db.transaction((error: unknown) => {
      db.prepare(insert).run()
      throw error
    })
    note(attempt(() => fail(new RangeError('mine'))))
    note(attempt(() => db.transaction(() => db.prepare(insert).run() && db.exec('nonsense'))()))
    note(attempt(() => db.transaction(() => Promise.resolve())()))
    note(attempt(() => db.transaction(() => db.exec('COMMIT'))()))
    note(db.inTransaction)
    note(attempt(() => db.transaction(() => db.exec("INSERT OR ROLLBACK INTO u VALUES ('a', 1), ('a', 2)"))()))
    note(attempt(() => (db.transaction as (fn: unknown) => unknown)('no function')))
    note(attempt(() => db.transaction(() => db.prepare('INSERT INTO c (p) VALUES (77)').run())()))
  },
  'transactions within transactions': (db, note) => {
    const inner = db.transaction((fails: boolean) => {
      db.prepare(insert).run()
      if (fails) throw new Error('inner')
      return db.inTransaction
    })
    const outer = db.transaction(() => {
      note(inner(false))
      note(attempt(() => inner(true)))
      note(attempt(() => inner.immediate(true)))
      return db.prepare('SELECT count(*) FROM t').pluck().get()
    })
    note(outer())
    db.exec('SAVEPOINT s')
    note(outer())
    db.exec('ROLLBACK TO s; RELEASE s')
  },
  'transactions by hand': (db, note) => {
    for (const sql of [
      'BEGIN',
      insert,
      'SAVEPOINT "A b"',
      insert,
      'SAVEPOINT x',
      insert,
      'ROLLBACK TO "a B"',
      insert,
      'RELEASE [a b]',
      'END TRANSACTION',
      'COMMIT',
      'ROLLBACK',
      'RELEASE nothing',
      'BEGIN IMMEDIATE',
      'BEGIN',
      insert,
      'ROLLBACK TRANSACTION',
      'SAVEPOINT alone',
      insert,
      'RELEASE alone',
      '-- a comment\n;/* and another */ begin exclusive',
      insert,
      'rollback',
    ])
      note(attempt(() => [db.prepare(sql).run(), db.inTransaction]))
  },
  'a COMMIT that fails can be tried again': (db, note) => {
    db.pragma('foreign_keys = ON')
    db.exec('BEGIN')
    note(db.prepare('INSERT INTO c (p) VALUES (5)').run())
    note(attempt(() => db.prepare('COMMIT').run()))
    note(db.inTransaction)
    note(db.prepare('INSERT INTO p VALUES (5)').run())
    note(db.prepare('COMMIT').run())
    note(attempt(() => db.prepare('INSERT INTO c (p) VALUES (6)').run()))
    note(attempt(() => db.prepare('INSERT INTO c (p) VALUES (6) RETURNING id').get()))
    note(attempt(() => db.prepare('INSERT INTO c (p) VALUES (6) RETURNING id').all()))
  },
  'statements that fail': (db, note) => {
    const seed = db.prepare("INSERT INTO u VALUES ('a', 1)")
    note(seed.run())
    note(attempt(() => seed.run()))
    for (const or of ['ABORT', 'FAIL', 'IGNORE', 'REPLACE', 'ROLLBACK']) {
      const statement = db.prepare(`INSERT OR ${or} INTO u VALUES ('${or}', 1), ('a', 2), ('after ${or}', 3)`)
      note(attempt(() => statement.run()))
      note(attempt(() => statement.run()))
      db.exec('BEGIN')
      note(attempt(() => statement.run()))
      note(db.inTransaction)
      if (db.inTransaction) db.exec('COMMIT')
    }
    note(attempt(() => db.prepare("INSERT INTO u VALUES ('c', -1)").run()))
    note(attempt(() => db.prepare('INSERT INTO t (a) VALUES (abs(-9223372036854775808))').run()))
  },
  'SQL that is no SQL': (db, note) => {
    for (const sql of [
      '',
      '-- nothing',
      'nonsense',
      'SELECT 1; SELECT 2',
      "SELECT '",
      'INSERT INTO missing VALUES (1)',
      'SELECT @',
      '\0',
      'SELECT 1\0rest',
    ]) {
      note(attempt(() => db.prepare(sql).reader))
      note(attempt(() => db.exec(sql) === db))
      note(attempt(() => db.pragma(sql)))
    }
    note(attempt(() => db.prepare(5 as unknown as string)))
    note(attempt(() => db.exec(undefined as unknown as string)))
  },
  'exec of scripts': (db, note) => {
    note(db.exec(`${insert}; ${insert} -- and; so on\n; SELECT 1; /* ; */ ${insert};;`) === db)
    note(attempt(() => db.exec(`${insert}; BEGIN; ${insert}; nonsense; COMMIT`)))
    note(db.inTransaction)
    db.exec('COMMIT')
    db.exec(
      "CREATE TRIGGER g AFTER INSERT ON u BEGIN INSERT INTO t (b) VALUES (new.k); INSERT INTO t (b) VALUES ('twice'); END; INSERT INTO u VALUES ('g', 1)",
    )
    note(attempt(() => db.exec(`${insert}; SELECT 'not closed; ${insert}`)))
    note(attempt(() => db.exec(`${insert}; @ ; ${insert}`)))
    note(attempt(() => db.exec(`${insert}; INSERT INTO t (a) VALUES (?)`) === db))
  },
  pragmas: (db, note) => {
    note(db.pragma('foreign_keys'))
    note(db.pragma('foreign_keys = OFF'))
    note(db.pragma('foreign_keys', { simple: true }))
    note(db.pragma('user_version = 7'))
    note(db.pragma('user_version', { simple: true }))
    note(db.prepare('PRAGMA user_version').get())
    note(db.prepare('PRAGMA user_version').pluck().all())
    note(attempt(() => db.pragma('no_such_pragma')))
    note(attempt(() => db.pragma('user_version = 1; SELECT 1')))
    note(attempt(() => db.pragma(5 as unknown as string)))
    note(db.transaction(() => db.pragma('user_version = 9'))())
    note([...db.prepare('PRAGMA table_info(t)').iterate()])
  },
  'functions, aggregates and tables of the program': (db, note) => {
    note(db.function('twice', (a: number) => a * 2) === db)
    db.function('joined', { varargs: true, deterministic: true }, (...all: unknown[]) => all.join('+'))
    db.aggregate('largest', { start: 0, step: (most: number, next: unknown) => Math.max(most, Number(next)) })
    db.table('numbers', {
      columns: ['n'],
      parameters: ['end'],
      rows: function* (end: unknown) {
        for (let n = 1; n <= Number(end); n++) yield { n }
      },
    })
    note(db.prepare("INSERT INTO t (a, b) SELECT twice(n), joined(n, 'x') FROM numbers(3)").run())
    note(db.prepare('SELECT largest(a) FROM t').pluck().get())
    note(attempt(() => db.prepare('SELECT twice()').get()))
    db.function('bad', () => {
      throw new RangeError('mine')
    })
    note(attempt(() => db.prepare('INSERT INTO t (a) VALUES (bad())').run()))
    db.function('inside', () => (attempt(() => db.prepare(insert).run()) === undefined ? 1 : 0))
    note(attempt(() => db.prepare('INSERT INTO t (a) VALUES (inside())').run()))
    const prepared = db.prepare(insert)
    db.function('within', () => JSON.stringify(attempt(() => prepared.run())))
    note(db.prepare('INSERT INTO t (a) VALUES (within()) RETURNING a').get())
    db.function('random', () => 4)
    note(db.prepare('SELECT random()').pluck().get())
    note(attempt(() => (db.function as (...all: unknown[]) => unknown)('x')))
    note(attempt(() => (db.function as (...all: unknown[]) => unknown)(5, () => 1)))
    note(attempt(() => db.loadExtension('/nowhere')))
  },
  'a program that runs statements while its parameters are read': (db, note) => {
    const statement = db.prepare('INSERT INTO t (a) VALUES (:a)')
    const given = {
      get a() {
        db.prepare("INSERT INTO u VALUES ('read', 1) ON CONFLICT DO NOTHING").run()
        return 5
      },
    }
    note(statement.run(given))
    note(db.prepare('SELECT count(*) FROM u').pluck().get())
  },
  'unsafe mode': (db, note) => {
    note(db.unsafeMode() === db)
    for (const row of db.prepare('SELECT id FROM t LIMIT 2').iterate()) note([row, db.prepare(insert).run()])
    db.exec('BEGIN')
    for (const row of db.prepare(`${insert} RETURNING id`).iterate())
      note([row, db.prepare(insert).run(), attempt(() => db.exec('COMMIT'))])
    db.exec('COMMIT')
    db.unsafeMode(false)
  },
  'TEMP and attached databases': (db, note) => {
    db.exec("CREATE TEMP TABLE s (a); ATTACH ':memory:' AS other; CREATE TABLE other.o (a)")
    note(db.prepare('INSERT INTO s VALUES (1), (2)').run())
    note(db.prepare('INSERT INTO o VALUES (1)').run())
    note(db.transaction(() => [db.prepare(insert).run(), db.prepare('INSERT INTO o SELECT a FROM s').run()])())
    note(db.prepare('SELECT count(*) FROM o').pluck().get())
    db.exec('DETACH other')
  },
  'the schema changes under a statement': (db, note) => {
    const statement = db.prepare('INSERT INTO t (a) VALUES (?) RETURNING *')
    note(statement.all(1))
    db.exec('ALTER TABLE t ADD COLUMN d DEFAULT 5')
    note(statement.all(2))
    db.exec('BEGIN; DROP TABLE t')
    note(attempt(() => statement.all(3)))
    db.exec('ROLLBACK')
    note(statement.all(4))
  },
  explain: (db, note) => {
    const { explain } = db as unknown as { explain(sql: string): unknown[] }
    note(explain.call(db, insert).length > 3)
    note(attempt(() => explain.call(db, 'nonsense')))
    note(attempt(() => explain.call(db, 5 as unknown as string)))
  },
  'vacuum, analyze, reindex': (db, note) => {
    note(db.exec('VACUUM') === db)
    note(db.prepare('ANALYZE').run())
    note(db.prepare('REINDEX').run())
    note(attempt(() => db.transaction(() => db.exec('VACUUM'))()))
  },
  'serialize and detached methods': (db, note) => {
    note(db.serialize().length % 4096)
    const { run } = db.prepare(insert)
    note(attempt(() => run()))
    note(attempt(() => run.call({})))
  },
  'a database that is closed': (db, note) => {
    const statement = db.prepare(insert)
    const transaction = db.transaction(() => statement.run())
    const iterator = db.prepare('SELECT 1').iterate()
    note(attempt(() => db.close()))
    iterator.return?.()
    note(db.close() === db)
    note(attempt(() => statement.run()))
    note(attempt(() => db.exec(insert)))
    note(attempt(() => db.prepare(insert)))
    note(attempt(() => db.pragma('user_version')))
    note(attempt(() => transaction()))
    note(attempt(() => db.transaction(() => 1)()))
    note([db.open, db.inTransaction])
    note(db.close() === db)
  },
}
