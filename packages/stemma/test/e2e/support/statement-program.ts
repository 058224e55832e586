import type Database from 'better-sqlite3'
import { onceIn, pick, pickByWeight, randomStatement, type Dice } from 'fuzz'

/** One thing that a program does with its database. Whatever SQLite refuses is as good as anything else. */
export type Act = (database: Database.Database) => void

/** What each program begins with, beside the tables of `randomStatement`. */
export const PROGRAM_SCHEMA = `
  CREATE TABLE stamped(id INTEGER PRIMARY KEY AUTOINCREMENT, v, at DEFAULT (julianday('now')), ts DEFAULT CURRENT_TIMESTAMP, dice DEFAULT (hex(randomblob(4))));
  CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE kid(id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent ON DELETE CASCADE DEFERRABLE, n INTEGER CHECK(n < 90));
  CREATE TABLE audit(id INTEGER PRIMARY KEY AUTOINCREMENT, what, at);
  CREATE TRIGGER audit_kid AFTER DELETE ON kid BEGIN INSERT INTO audit(what, at) VALUES(OLD.id, unixepoch('subsec')); END;
  CREATE TRIGGER audit_kid_too AFTER DELETE ON kid BEGIN INSERT INTO audit(what, at) VALUES('too', changes()); END;
  CREATE TRIGGER audit_parent AFTER INSERT ON parent BEGIN INSERT INTO audit(what, at) VALUES(NEW.name, random()); END;
  CREATE TABLE plain(id INTEGER PRIMARY KEY, v);
  CREATE TABLE pile(v)`

/** Functions of the program's own: `draw` gives something else each time and is declared recordable, `ours` is not. A copy has neither. */
export function defineFunctions(database: Database.Database): void {
  let drawn = 0
  database.function(
    'draw',
    { varargs: true },
    () => [drawn++, BigInt(drawn) * 10n ** 15n, `drawn ${drawn}`, null, Buffer.from([drawn & 255]), drawn / 3][drawn % 6],
  )
  database.function('ours', { deterministic: true }, (value: unknown) => `our ${String(value)}`)
}

/** The trigger is the same, but comes behind the other one now. */
const AGAIN =
  "DROP TRIGGER audit_kid_too; CREATE TRIGGER audit_kid_too AFTER DELETE ON kid BEGIN INSERT INTO audit(what, at) VALUES('too', changes()); END"

/** The next thing that a program does. */
export function nextAct(dice: Dice, step: number): Act {
  return pickByWeight<() => Act>(dice, [
    [30, () => simpleAct(dice)],
    [6, () => transaction(dice, 2)],
    [6, () => script(dice)],
    [4, () => setting(dice)],
    [3, () => schemaAct(dice, step)],
    [1, () => exec(pick(dice, ['VACUUM', 'ANALYZE', 'PRAGMA user_version = 5', 'REINDEX', 'PRAGMA wal_checkpoint(PASSIVE)']))],
  ])()
}

/** Something that may stand within a transaction, too. */
function simpleAct(dice: Dice): Act {
  return pickByWeight<() => Act>(dice, [
    [10, () => run(dice, randomStatement(dice))],
    [10, () => recordable(dice)],
    [8, () => bound(dice)],
    [4, () => returning(dice)],
    [3, () => family(dice)],
    [1, () => temporary(dice)],
  ])()
}

function run(dice: Dice, sql: string): Act {
  return pick<Act>(dice, [(database) => void database.prepare(sql).run(), (database) => void database.exec(sql)])
}

function exec(sql: string): Act {
  return (database) => void database.exec(sql)
}

/** Statements whose values come from the clock, dice, time zone and connection, in places where recording them is enough. */
function recordable(dice: Dice): Act {
  const value = (): string =>
    pick(dice, [
      'random()',
      'hex(randomblob(3))',
      'abs(random()) % 5',
      "julianday('now')",
      "strftime('%f %J')",
      "unixepoch('now', 'subsec')",
      "datetime('2024-07-01 12:00', 'localtime')",
      "datetime(1700000000 + 1, 'unixepoch', 'localtime')",
      "strftime('%H', 'now', 'localtime')",
      "unixepoch('2024-07-01 12:00', 'utc')",
      "timediff('now', '2020-01-01')",
      'CURRENT_TIMESTAMP',
      'CURRENT_TIME',
      'last_insert_rowid()',
      'changes()',
      'total_changes()',
      'draw()',
      "draw('x') || ours(2)",
      "date('n' || 'ow', '+' || abs(random() % 5) || ' days')",
      '(SELECT max(id) FROM plain) + random() % 3',
    ])
  const id = dice(20)
  const sql = pick(dice, [
    `INSERT INTO pile VALUES(${value()}), (${value()})`,
    `INSERT INTO plain(v) VALUES(${value()})`,
    `INSERT OR REPLACE INTO plain VALUES(${id}, ${value()})`,
    `INSERT INTO plain VALUES(${id}, ${value()}) ON CONFLICT(id) DO UPDATE SET v = ${value()}`,
    `UPDATE plain SET v = ${value()} WHERE id = ${id}`,
    `DELETE FROM plain WHERE id = ${value()}`,
    `INSERT INTO stamped(v) VALUES(${value()})`,
    'INSERT INTO stamped DEFAULT VALUES',
    `INSERT OR IGNORE INTO stamped(id, v) VALUES(${id}, ${value()})`,
    `INSERT INTO parent(name) VALUES(${value()})`,
    'INSERT INTO pile VALUES(ours(3))',
    `INSERT INTO pile VALUES(iif(${value()} > 0, ${value()}, ${value()}))`,
  ])
  return run(dice, sql)
}

/** Values as programs bind them. */
function bound(dice: Dice): Act {
  const value = (): unknown =>
    pick<() => unknown>(dice, [
      () => dice(50),
      () => BigInt(dice(2 ** 31)) * BigInt(dice(2 ** 31)) * pick(dice, [1n, -1n]),
      () => pick(dice, [9223372036854775807n, -9223372036854775808n, 0n, -1n]),
      () => pick(dice, [1.5, -0, 1e308, 5e-324, Infinity, -Infinity, 2 ** 53, Number.NaN]),
      () => pick(dice, ['', 'a', 'ä', '\u{1F600}', 'a\0b', "it's", '\uD800', 'x'.repeat(dice(300))]),
      () => Buffer.from(Array.from({ length: dice(40) }, () => dice(256))),
      () => null,
    ])()
  const [a, b] = [value(), value()]
  const id = dice(20)
  return pick<Act>(dice, [
    (database) => void database.prepare('INSERT INTO plain(v) VALUES(?)').run(a),
    (database) => void database.prepare('INSERT INTO pile VALUES(?), (?)').run(a, b),
    (database) => void database.prepare('INSERT INTO pile VALUES(:a), (@b), ($a)').run({ a, b }),
    (database) => void database.prepare('INSERT INTO pile VALUES(?2), (?1)').run({ 1: a, 2: b }),
    (database) => void database.prepare('INSERT INTO pile VALUES(?)').bind(a).run(),
    (database) => void database.prepare('UPDATE plain SET v = ? WHERE id = ?').run(a, id),
    (database) => void database.prepare('INSERT OR REPLACE INTO plain VALUES(?, ?)').run(BigInt(id), a),
    (database) => void database.prepare('DELETE FROM plain WHERE id = ? AND v IS NOT ?').run(id, a),
    (database) => void database.prepare('INSERT INTO t(b, r) VALUES(:a, :b)').run({ a, b }),
    (database) => void database.prepare('INSERT INTO w VALUES(?, 1, ?)').run(a, b),
  ])
}

/** Statements that give rows, read in every way there is, to the end or not. */
function returning(dice: Dice): Act {
  const sql = pick(dice, [
    'INSERT INTO plain(v) VALUES(random()) RETURNING *',
    'UPDATE plain SET v = 1 WHERE id < 5 RETURNING id, v',
    'DELETE FROM plain WHERE id > 15 RETURNING id',
    'INSERT INTO stamped(v) VALUES(1), (2) RETURNING id',
    "INSERT INTO parent(name) VALUES('x') RETURNING id, random()",
  ])
  return pick<Act>(dice, [
    (database) => void database.prepare(sql).all(),
    (database) => void database.prepare(sql).get(),
    (database) => void database.prepare(sql).pluck().all(),
    (database) => void [...database.prepare(sql).raw().iterate()],
    (database) => {
      for (const _ of database.prepare(sql).iterate()) break
    },
  ])
}

/** Foreign keys and CHECKs, whose doings hang on settings. */
function family(dice: Dice): Act {
  const id = dice(12)
  const sql = pick(dice, [
    `INSERT INTO parent VALUES(${id}, 'p')`,
    `INSERT OR REPLACE INTO parent VALUES(${id}, 'q')`,
    `INSERT INTO kid VALUES(${dice(40)}, ${id}, ${dice(100)})`,
    `INSERT OR REPLACE INTO kid VALUES(${dice(40)}, ${id}, ${dice(100)})`,
    `DELETE FROM parent WHERE id = ${id}`,
    `DELETE FROM parent WHERE name LIKE 'P%' AND id = ${id}`,
    `UPDATE kid SET parent = ${id} WHERE id = ${dice(40)}`,
  ])
  return run(dice, sql)
}

function temporary(dice: Dice): Act {
  return pick<Act>(dice, [
    exec('CREATE TEMP TABLE IF NOT EXISTS mine(a, b)'),
    exec('INSERT INTO mine VALUES(random(), 1)'),
    exec('INSERT INTO pile SELECT a FROM mine'),
    exec('CREATE TEMP TRIGGER IF NOT EXISTS mine_t AFTER INSERT ON main.plain BEGIN INSERT INTO pile VALUES(NEW.v); END'),
    exec('DROP TRIGGER IF EXISTS temp.mine_t'),
    exec('CREATE TEMP TABLE IF NOT EXISTS pile(v)'),
    exec('DROP TABLE IF EXISTS temp.pile'),
    exec('DROP TABLE IF EXISTS temp.mine'),
  ])
}

/** Several statements in one text, with transactions of their own or within the one that is open. */
function script(dice: Dice): Act {
  const parts = Array.from({ length: 1 + dice(3) }, () =>
    pick(dice, [
      () => randomStatement(dice),
      () => 'INSERT INTO pile VALUES(random())',
      () => `INSERT INTO plain VALUES(${dice(20)}, 1) /* ; */`,
      () => 'UPDATE plain SET v = 2 WHERE id = 3 -- ;',
    ])(),
  )
  const [open, close] = pick(dice, [
    ['', ''],
    ['BEGIN;', ';COMMIT'],
    ['BEGIN IMMEDIATE;', ';ROLLBACK'],
    ['SAVEPOINT a;', ';RELEASE a'],
    ['SAVEPOINT a;', ';ROLLBACK TO a;RELEASE a'],
  ])
  return (database) => {
    try {
      database.exec(`${open}${parts.join(';\n')}${close}`)
    } finally {
      if (open !== '' && database.inTransaction) database.exec(onceIn(dice, 2) ? 'COMMIT' : 'ROLLBACK')
    }
  }
}

class GiveUp extends Error {}

/** Transactions of better-sqlite3's or by hand, in one another, some of which are taken back. */
function transaction(dice: Dice, depth: number): Act {
  const acts = Array.from({ length: 1 + dice(5) }, () =>
    depth > 0 && onceIn(dice, 4) ? transaction(dice, depth - 1) : onceIn(dice, 12) ? setting(dice) : simpleAct(dice),
  )
  const isGivenUp = onceIn(dice, 4)
  const byHand = onceIn(dice, 3)
  const kind = pick(dice, ['deferred', 'immediate', 'exclusive'] as const)
  const body = (database: Database.Database): void => {
    for (const act of acts) attempt(database, act)
    if (isGivenUp) throw new GiveUp()
  }
  if (!byHand) return (database) => attempt(database, () => database.transaction(() => body(database))[kind]())
  return (database) => {
    const isInner = database.inTransaction
    database.exec(isInner ? 'SAVEPOINT s' : `BEGIN ${kind}`)
    try {
      body(database)
      if (database.inTransaction) database.exec(isInner ? 'RELEASE s' : 'END')
    } catch (error) {
      // A COMMIT that fails, for a deferred key, leaves the transaction open.
      if (database.inTransaction) database.exec(isInner ? 'ROLLBACK TO s; RELEASE s' : 'ROLLBACK')
      if (!(error instanceof GiveUp)) throw error
    }
  }
}

function setting(dice: Dice): Act {
  const name = pick(dice, [
    'foreign_keys',
    'recursive_triggers',
    'case_sensitive_like',
    'ignore_check_constraints',
    'reverse_unordered_selects',
    'defer_foreign_keys',
  ])
  const value = pick(dice, ['ON', 'OFF'])
  return pick<Act>(dice, [
    (database) => void database.pragma(`${name} = ${value}`),
    (database) => void database.exec(`PRAGMA ${name}(${value})`),
    (database) => void database.prepare(`PRAGMA ${name} = ${value}`).run(),
  ])
}

function schemaAct(dice: Dice, step: number): Act {
  const sql = pick(dice, [
    `CREATE TABLE made_${step}(id INTEGER PRIMARY KEY, v DEFAULT (random())); INSERT INTO made_${step} DEFAULT VALUES`,
    `CREATE TABLE made_${step} AS SELECT * FROM plain`,
    `ALTER TABLE plain ADD COLUMN c${step} DEFAULT 7`,
    `ALTER TABLE plain ADD COLUMN c${step}; ALTER TABLE plain DROP COLUMN c${step}`,
    `ALTER TABLE plain RENAME COLUMN v TO v${step}; ALTER TABLE plain RENAME COLUMN v${step} TO v`,
    `ALTER TABLE plain RENAME TO plain_${step}; ALTER TABLE plain_${step} RENAME TO plain`,
    `BEGIN; CREATE TRIGGER made_${step} AFTER INSERT ON plain BEGIN INSERT INTO pile VALUES('${step}'); END; INSERT INTO plain(v) VALUES(1); COMMIT`,
    `CREATE TRIGGER made_${step} AFTER INSERT ON stamped BEGIN INSERT INTO pile VALUES(NEW.dice); END`,
    `BEGIN; INSERT INTO pile SELECT v FROM plain; DROP TRIGGER audit_kid; CREATE TRIGGER audit_kid AFTER DELETE ON kid BEGIN INSERT INTO audit(what) VALUES(-OLD.id); END; COMMIT`,
    `BEGIN; INSERT INTO pile SELECT v FROM plain; ${AGAIN}; COMMIT`,
    `BEGIN; ${AGAIN}; COMMIT`,
    `DROP TRIGGER g1; CREATE TRIGGER g1 AFTER DELETE ON t BEGIN INSERT INTO log(m, o) VALUES(OLD.a, OLD.id); END`,
    `CREATE INDEX made_${step} ON plain(v); DROP INDEX made_${step}`,
    `CREATE UNIQUE INDEX made_${step} ON pile(v)`,
    `CREATE VIEW made_${step} AS SELECT random() AS v FROM plain`,
    `DROP TABLE pile; CREATE TABLE pile(v)`,
  ])
  return exec(sql)
}

/** Does something; what SQLite has against it is the program's affair. */
export function attempt(database: Database.Database, act: Act): void {
  try {
    act(database)
  } catch (error) {
    if (!(error instanceof GiveUp) && (error as Error).name !== 'SqliteError') throw error
  }
}
