import { pick, type Dice } from './dice.ts'

export interface RandomTable {
  readonly name: string
  readonly sql: string
  readonly columns: readonly string[]
  /** Each makes values of a column. */
  readonly values: readonly ((dice: Dice) => string)[]
}

const small = (dice: Dice): string => String(dice(6))
const text = (dice: Dice): string => pick(dice, ["'a'", "'A'", "'b'", "'B'", "'now'", "'1'", "'ab'"])
const real = (dice: Dice): string => pick(dice, ['0.1', '0.2', '0.3', '1e308', '-1e308', '1.0', '2.5'])
const mixed = (dice: Dice): string => pick(dice, [small, text, real, () => 'NULL', () => '1.0'])(dice)
const orNull = (make: (dice: Dice) => string) => (dice: Dice) => (dice(5) === 0 ? 'NULL' : make(dice))

export const TABLES: readonly RandomTable[] = [
  {
    name: 't',
    sql: 'CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT, c INTEGER, r REAL)',
    columns: ['id', 'a', 'b', 'c', 'r'],
    values: [small, mixed, orNull(text), orNull(mixed), orNull(real)],
  },
  {
    name: 'u',
    sql: 'CREATE TABLE u(k TEXT PRIMARY KEY, n INTEGER NOT NULL, s TEXT COLLATE NOCASE)',
    columns: ['k', 'n', 's'],
    values: [orNull(text), small, orNull(text)],
  },
  {
    name: 'w',
    sql: 'CREATE TABLE w(k INTEGER, l INTEGER, v, PRIMARY KEY(k, l)) WITHOUT ROWID',
    columns: ['k', 'l', 'v'],
    values: [small, small, mixed],
  },
  {
    name: 'z',
    sql: 'CREATE TABLE z(x INTEGER NOT NULL, y TEXT NOT NULL UNIQUE, q INTEGER) STRICT',
    columns: ['x', 'y', 'q'],
    values: [small, text, orNull(small)],
  },
  {
    name: 'au',
    sql: 'CREATE TABLE au(id INTEGER PRIMARY KEY AUTOINCREMENT, a UNIQUE, b)',
    columns: ['id', 'a', 'b'],
    values: [small, mixed, mixed],
  },
  { name: 'loose', sql: 'CREATE TABLE loose(a, b)', columns: ['a', 'b'], values: [mixed, mixed] },
  {
    name: 'n',
    sql: 'CREATE TABLE n(id INTEGER PRIMARY KEY, w TEXT COLLATE NOCASE UNIQUE NOT NULL, m INTEGER)',
    columns: ['id', 'w', 'm'],
    values: [small, text, orNull(small)],
  },
  {
    name: 'log',
    sql: 'CREATE TABLE log(id INTEGER PRIMARY KEY, m, o)',
    columns: ['id', 'm', 'o'],
    values: [small, mixed, mixed],
  },
  {
    name: 'child',
    sql: 'CREATE TABLE child(id INTEGER PRIMARY KEY, p INTEGER REFERENCES t(id) ON DELETE CASCADE, d DEFAULT (random()))',
    columns: ['id', 'p', 'd'],
    values: [small, () => 'NULL', mixed],
  },
]

export const EXTRAS: readonly string[] = [
  'CREATE VIEW v1 AS SELECT id, a, c FROM t WHERE c > 1',
  'CREATE VIEW v2 AS SELECT c, count(*) AS m, max(b) AS b FROM t GROUP BY c',
  'CREATE VIEW v3 AS SELECT t.id, u.k, u.n FROM t JOIN u ON u.k = t.b',
  'CREATE TRIGGER g1 AFTER DELETE ON t BEGIN INSERT INTO log(m, o) VALUES(OLD.a, OLD.id); END',
  'CREATE TRIGGER g2 AFTER UPDATE OF c ON t BEGIN UPDATE t SET b = NEW.c WHERE id = NEW.id; END',
  'CREATE TRIGGER g3 AFTER INSERT ON u BEGIN INSERT OR IGNORE INTO n(w, m) VALUES(NEW.k, NEW.n); END',
  'CREATE TRIGGER g4 AFTER DELETE ON w BEGIN DELETE FROM loose WHERE a = OLD.k; END',
  'CREATE TRIGGER g5 AFTER UPDATE ON n WHEN NEW.m > 3 BEGIN UPDATE log SET m = NEW.id; END',
]

/** Indexes that one of two copies may have. */
export const INDEXES: readonly string[] = [
  'CREATE INDEX i1 ON t(c, r DESC)',
  'CREATE INDEX i2 ON t(b, a)',
  'CREATE INDEX i3 ON t(a DESC)',
  'CREATE INDEX i4 ON u(n DESC, k)',
  'CREATE INDEX i5 ON u(s)',
  'CREATE INDEX i6 ON w(v, l DESC)',
  'CREATE INDEX i7 ON z(x DESC, q)',
  'CREATE INDEX i8 ON au(b)',
  'CREATE INDEX i9 ON loose(a, b DESC)',
  'CREATE INDEX i10 ON n(m, w DESC)',
  'CREATE INDEX i11 ON log(o, m)',
]

/** A statement that changes something; many are refused by SQLite, most of the others are not safe. */
export function randomStatement(dice: Dice): string {
  const table = pick(dice, TABLES)
  const make = pick(dice, [
    randomInsert,
    randomInsert,
    randomInsertSelect,
    randomInsertSelect,
    randomUpdate,
    randomUpdate,
    randomDelete,
  ])
  return make(dice, table)
}

function randomInsert(dice: Dice, table: RandomTable): string {
  const or = pick(dice, ['', '', '', ' OR IGNORE', ' OR REPLACE', ' OR FAIL'])
  const skip = dice(2)
  const columns = table.columns.slice(skip)
  const rows = Array.from(
    { length: 1 + dice(3) },
    () => `(${columns.map((_, index) => randomValue(dice, table, index + skip)).join(', ')})`,
  )
  return `INSERT${or} INTO ${table.name}(${columns.join(', ')}) VALUES ${rows.join(', ')}${or === '' ? randomUpsert(dice, table) : ''}`
}

function randomValue(dice: Dice, table: RandomTable, index: number): string {
  return dice(4) === 0 ? randomExpression(dice, [], 2) : (table.values[index]?.(dice) ?? 'NULL')
}

function randomUpsert(dice: Dice, { columns }: RandomTable): string {
  if (dice(3) > 0) return ''
  const target = pick(dice, ['', '', `(${pick(dice, columns)})`, `(${columns.slice(0, 2).join(', ')})`])
  const set = `${pick(dice, columns.slice(1))} = ${pick(dice, [`excluded.${pick(dice, columns)}`, randomExpression(dice, columns, 1)])}`
  return ` ON CONFLICT${target} DO ${pick(dice, ['NOTHING', `UPDATE SET ${set}`, `UPDATE SET ${set}`])}`
}

function randomInsertSelect(dice: Dice, table: RandomTable): string {
  const or = pick(dice, ['', '', '', '', ' OR IGNORE', ' OR REPLACE', ' OR FAIL'])
  const skip = dice(2)
  const columns = table.columns.slice(skip)
  const upsert = or === '' ? randomUpsert(dice, table) : ''
  return `INSERT${or} INTO ${table.name}(${columns.join(', ')}) ${randomSelect(dice, [], { width: columns.length, depth: 2, isFiltered: upsert !== '' })}${upsert}`
}

function randomUpdate(dice: Dice, { name, columns }: RandomTable): string {
  const or = pick(dice, ['', '', '', '', ' OR IGNORE', ' OR REPLACE', ' OR FAIL'])
  const from = dice(4) === 0 ? randomSource(dice, 1) : undefined
  const known = [...columns.map((column) => `${name}.${column}`), ...(from?.columns ?? [])]
  const sets = Array.from({ length: 1 + dice(2) }, () => `${pick(dice, columns)} = ${randomExpression(dice, known, 2)}`)
  const tail = dice(5) === 0 ? `${randomOrder(dice, columns)} LIMIT ${1 + dice(3)}` : ''
  return `UPDATE${or} ${name} SET ${sets.join(', ')}${from === undefined ? '' : ` FROM ${from.sql}`}${randomWhere(dice, known, 2)}${from === undefined ? tail : ''}`
}

function randomDelete(dice: Dice, { name, columns }: RandomTable): string {
  const tail = dice(4) === 0 ? `${randomOrder(dice, columns)} LIMIT ${1 + dice(3)}` : ''
  return `DELETE FROM ${name}${randomWhere(
    dice,
    columns.map((column) => `${name}.${column}`),
    2,
  )}${tail}`
}

interface RandomSource {
  readonly sql: string
  readonly columns: readonly string[]
}

let aliases = 0

function randomSource(dice: Dice, depth: number): RandomSource {
  aliases = (aliases + 1) % 100
  const alias = `s${aliases}`
  const columnsOf = (names: readonly string[]): string[] => names.map((name) => `${alias}.${name}`)
  switch (dice(depth > 0 ? 6 : 3)) {
    case 3:
      return { sql: `v1 AS ${alias}`, columns: columnsOf(['id', 'a', 'c']) }
    case 4:
      return dice(2) === 0
        ? { sql: `v2 AS ${alias}`, columns: columnsOf(['c', 'm', 'b']) }
        : { sql: `v3 AS ${alias}`, columns: columnsOf(['id', 'k', 'n']) }
    case 5:
      return {
        sql: `(${randomSelect(dice, [], { width: 2, depth: depth - 1, names: ['p', 'q'] })}) AS ${alias}`,
        columns: columnsOf(['p', 'q']),
      }
    default: {
      const { name, columns } = pick(dice, TABLES)
      return { sql: `${name} AS ${alias}`, columns: columnsOf(columns) }
    }
  }
}

function randomFrom(dice: Dice, outer: readonly string[], depth: number): RandomSource {
  const first = randomSource(dice, depth)
  if (dice(3) > 0) return first
  const second = randomSource(dice, depth)
  const both = [...first.columns, ...second.columns]
  const on = `${pick(dice, first.columns)} = ${pick(dice, second.columns)}${dice(3) === 0 ? ` AND ${randomCondition(dice, [...both, ...outer], 0)}` : ''}`
  const join = pick(dice, ['JOIN', 'JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN'])
  return { sql: `${first.sql} ${join} ${second.sql} ON ${on}`, columns: both }
}

interface SelectShape {
  readonly width: number
  readonly depth: number
  readonly names?: readonly string[]
  readonly isFiltered?: boolean
}

function randomSelect(dice: Dice, outer: readonly string[], { width, depth, names, isFiltered = false }: SelectShape): string {
  const from = randomFrom(dice, outer, depth)
  const known = [...from.columns, ...(dice(3) === 0 ? outer : [])]
  const groups = dice(4) === 0 ? Array.from({ length: 1 + dice(2) }, () => pick(dice, from.columns)) : []
  const aggregates = groups.length > 0 || dice(5) === 0
  const results = Array.from({ length: width }, (_, index) => {
    const expression = aggregates
      ? randomAggregate(dice, from.columns, groups)
      : dice(6) === 0
        ? randomWindow(dice, from.columns)
        : dice(3) === 0
          ? randomExpression(dice, known, depth - 1)
          : pick(dice, from.columns)
    return names?.[index] === undefined ? expression : `${expression} AS ${names[index]}`
  })
  const where = dice(2) === 0 || isFiltered ? randomWhere(dice, [...known, ...outer], depth - 1, isFiltered) : ''
  const order = dice(2) === 0 ? randomOrder(dice, aggregates && groups.length > 0 ? groups : from.columns) : ''
  const limit = dice(4) === 0 ? ` LIMIT ${1 + dice(2)}` : ''
  const distinct = dice(7) === 0 ? 'DISTINCT ' : ''
  return `SELECT ${distinct}${results.join(', ')} FROM ${from.sql}${where}${groups.length > 0 ? ` GROUP BY ${groups.join(', ')}` : ''}${order}${limit}`
}

function randomAggregate(dice: Dice, columns: readonly string[], groups: readonly string[]): string {
  if (groups.length > 0 && dice(2) === 0) return pick(dice, groups)
  const column = pick(dice, columns)
  const order = dice(3) === 0 ? ` ORDER BY ${pick(dice, columns)}` : ''
  return pick(dice, [
    'count(*)',
    `count(DISTINCT ${column})`,
    `max(${column})`,
    `min(${column})`,
    `sum(${column}${order})`,
    `total(${column}${order})`,
    `sum(CAST(${column} AS INTEGER))`,
    `group_concat(${column}${order})`,
    `json_group_array(${column}${order})`,
    `sum(length(${column}))`,
    column,
  ])
}

function randomWindow(dice: Dice, columns: readonly string[]): string {
  const call = pick(dice, [
    'row_number()',
    'rank()',
    'count(*)',
    `lag(${pick(dice, columns)})`,
    `sum(${pick(dice, columns)})`,
    `max(${pick(dice, columns)})`,
    `first_value(${pick(dice, columns)})`,
  ])
  const partition = dice(3) === 0 ? `PARTITION BY ${pick(dice, columns)} ` : ''
  const frame = pick(dice, [
    '',
    '',
    ' ROWS BETWEEN 1 PRECEDING AND CURRENT ROW',
    ' GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES',
  ])
  return `${call} OVER (${partition}ORDER BY ${pick(dice, columns)}, ${pick(dice, columns)}${call.includes('()') ? '' : frame})`
}

function randomOrder(dice: Dice, columns: readonly string[]): string {
  if (dice(4) === 0) return ''
  const terms = Array.from(
    { length: 1 + dice(3) },
    () => `${pick(dice, columns)}${pick(dice, ['', '', ' DESC', ' COLLATE NOCASE'])}`,
  )
  return ` ORDER BY ${terms.join(', ')}`
}

function randomWhere(dice: Dice, columns: readonly string[], depth: number, isNeeded = false): string {
  if (!isNeeded && dice(4) === 0) return ''
  const second = dice(3) === 0 ? ` ${pick(dice, ['AND', 'AND', 'OR'])} ${randomCondition(dice, columns, depth)}` : ''
  return ` WHERE ${randomCondition(dice, columns, depth)}${second}`
}

function randomCondition(dice: Dice, columns: readonly string[], depth: number): string {
  const left = columns.length === 0 ? small(dice) : pick(dice, columns)
  switch (dice(depth > 0 ? 8 : 5)) {
    case 0:
      return `${left} > ${mixed(dice)}`
    case 1:
      return `${left} IS NOT NULL`
    case 2:
      return `${left} ${pick(dice, ['=', 'IS'])} ${columns.length === 0 ? small(dice) : pick(dice, columns)}`
    case 5:
      return `${left} IN (${randomSelect(dice, columns, { width: 1, depth: depth - 1 })})`
    case 6:
      return `${pick(dice, ['', 'NOT '])}EXISTS (${randomSelect(dice, columns, { width: 1, depth: depth - 1 })})`
    case 7:
      return `${left} = (${randomSelect(dice, columns, { width: 1, depth: depth - 1 })})`
    default:
      return `${left} = ${mixed(dice)}${dice(8) === 0 ? ' COLLATE NOCASE' : ''}`
  }
}

function randomExpression(dice: Dice, columns: readonly string[], depth: number): string {
  const leaf = columns.length > 0 && dice(2) === 0 ? pick(dice, columns) : mixed(dice)
  switch (dice(depth > 0 ? 12 : 7)) {
    case 0:
      return `lower(${leaf})`
    case 1:
      return `coalesce(${leaf}, ${small(dice)})`
    case 2:
      return `CASE WHEN ${randomCondition(dice, columns, 0)} THEN ${leaf} ELSE ${mixed(dice)} END`
    case 3:
      return pick(dice, [
        'random()',
        "datetime('now')",
        'CURRENT_TIMESTAMP',
        `date(${leaf})`,
        `unixepoch(${leaf}, 'auto')`,
        'changes()',
        'hex(randomblob(2))',
        "strftime('%Y')",
      ])
    case 7:
      return `(${randomExpression(dice, columns, depth - 1)} + ${randomExpression(dice, columns, depth - 1)})`
    case 8:
      return `(${leaf} || ${randomExpression(dice, columns, depth - 1)})`
    case 9:
    case 10:
    case 11:
      return `(${randomSelect(dice, columns, { width: 1, depth: depth - 1 })})`
    default:
      return leaf
  }
}
