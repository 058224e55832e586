import { many, onceIn, pick, pickByWeight, type Dice } from './dice.ts'
import { newInteger, newLargeBlob, newRowid, newText, newValue, patternedBlob, type ValueOptions } from './values.ts'
import type { ColumnInfo, TableInfo, World } from './world.ts'

/** A statement that changes rows of a table. */
export function rowStatement(dice: Dice, world: World, options: ValueOptions): string {
  const tables = world.tables.filter(({ kind, columns }) => kind !== 'view' && columns.length > 0)
  if (tables.length === 0) return 'PRAGMA optimize'
  const table = pick(dice, tables)
  if (table.kind === 'virtual') return virtualStatement(dice, table)
  const context = { dice, table, world, options }
  return pickByWeight<() => string>(dice, [
    [10, () => insert(context)],
    [3, () => insertMany(context)],
    [8, () => update(context)],
    [3, () => updateSameSize(context)],
    [2, () => updateKey(context)],
    [2, () => swap(context)],
    [5, () => `DELETE FROM ${table.name} WHERE ${some(context)}`],
    [1, () => `DELETE FROM ${table.name}`],
    [1, () => upsert(context)],
  ])()
}

interface Context {
  readonly dice: Dice
  readonly table: TableInfo
  readonly world: World
  readonly options: ValueOptions
}

/** A condition that some rows meet. */
function some({ dice, table, world, options }: Context): string {
  const { name } = pick(dice, table.columns)
  const rowid = table.isWithoutRowid ? `length(${name})` : 'rowid'
  return pickByWeight<() => string>(dice, [
    [4, () => `${rowid} % ${2 + dice(9)} = ${dice(3)}`],
    [3, () => `${rowid} BETWEEN ${newRowid(dice, options)} AND ${newRowid(dice, options)}`],
    [3, () => `${name} IS ${world.literals(table, name, 20).at(dice(20)) ?? 'NULL'}`],
    [1, () => `${name} < ${newValue(dice, options)}`],
    [1, () => '1'],
  ])()
}

function values({ dice, options }: Context, columns: readonly ColumnInfo[]): string {
  return columns.map((column) => valueOf(dice, column, options)).join(', ')
}

/** A value that the column may well take. */
function valueOf(dice: Dice, { type, keyPlace, isUnique }: ColumnInfo, options: ValueOptions): string {
  if (keyPlace > 0 && type === 'INTEGER') return onceIn(dice, 2) ? 'NULL' : newRowid(dice, options)
  if ((keyPlace > 0 || isUnique) && onceIn(dice, 2)) return type === 'TEXT' ? newText(dice, 8) : String(dice(1000))
  if (onceIn(dice, 3)) return newValue(dice, options)
  switch (type) {
    case 'INTEGER':
    case 'INT':
      return newInteger(dice, options)
    case 'TEXT':
      return newText(dice, 50)
    case 'BLOB':
      return onceIn(dice, 6)
        ? newLargeBlob(dice)
        : `x'${dice(2 ** 31)
            .toString(16)
            .padStart(8, '0')}'`
    case 'REAL':
      return `${dice(1000) / 4}`
    default:
      return newValue(dice, options)
  }
}

function insert(context: Context): string {
  const { dice, table, options } = context
  const all = table.columns
  const columns = onceIn(dice, 4) ? all.filter((column) => column.keyPlace > 0 || onceIn(dice, 2)) : all
  const or = pick(dice, ['', '', '', ' OR REPLACE', ' OR IGNORE'])
  if (columns.length === 0) return `INSERT${or} INTO ${table.name} DEFAULT VALUES`
  const withRowid = !table.isWithoutRowid && onceIn(dice, 6) && !columns.some(({ name }) => name === '"rowid"')
  const names = [...(withRowid ? ['rowid'] : []), ...columns.map(({ name }) => name)]
  const rows = many(onceIn(dice, 3) ? 1 + dice(20) : 1, () =>
    [...(withRowid ? [newRowid(dice, options)] : []), values(context, columns)].join(', '),
  )
  return `INSERT${or} INTO ${table.name} (${names.join(', ')}) VALUES (${rows.join('), (')})`
}

/** Many rows at once, with values from the row's number: splits of pages, on every level. */
function insertMany(context: Context): string {
  const { dice, table } = context
  const columns = table.columns.filter((column) => !(column.keyPlace > 0 && column.type === 'INTEGER') || onceIn(dice, 3))
  if (columns.length === 0) return insert(context)
  const from = dice(2000)
  const step = pick(dice, ['i', `${dice(5000)} - i`, `i * 7919 % 1000`])
  const makers = columns.map(({ type }) =>
    type === 'TEXT'
      ? pick(dice, [`printf('%0*d', ${dice(60)}, ${step})`, `'k' || ${step}`])
      : type === 'BLOB'
        ? pick(dice, [`zeroblob((${step}) % ${1 + dice(900)})`, `CAST('b' || ${step} AS BLOB)`])
        : pick(dice, [step, step, `printf('%.*c', (${step}) % ${1 + dice(200)}, 'z') || ${step}`, 'NULL']),
  )
  const names = columns.map(({ name }) => name).join(', ')
  const or = pick(dice, ['OR IGNORE', 'OR REPLACE'])
  return `WITH RECURSIVE n (i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n LIMIT ${1 + dice(pick(dice, [30, 300]))}) INSERT ${or} INTO ${table.name} (${names}) SELECT ${makers.join(', ')} FROM n`
}

function update(context: Context): string {
  const { dice, table, options } = context
  const columns = table.columns.filter(({ keyPlace }) => keyPlace === 0)
  if (columns.length === 0) return updateKey(context)
  const column = pick(dice, columns)
  const set = pick(dice, [
    `${column.name} = ${valueOf(dice, column, options)}`,
    `${column.name} = ${column.name} || 'x'`,
    `${column.name} = ${column.name} + 1`,
    `${column.name} = ${pick(dice, table.columns).name}`,
    columns.map((each) => `${each.name} = ${valueOf(dice, each, options)}`).join(', '),
  ])
  return `UPDATE ${pick(dice, ['', '', 'OR REPLACE ', 'OR IGNORE '])}${table.name} SET ${set} WHERE ${some(context)}`
}

/** Rows that stay as long as they are: SQLite writes over their overflow pages, and may leave the leaf alone. */
function updateSameSize(context: Context): string {
  const { dice, table } = context
  const { name } = pick(dice, table.columns)
  const at = `length(${name}) - ${dice(3)}`
  const part = pick(dice, [`1, ${at} - 1`, `1, abs(${at}) / 2`])
  const edited = `substr(${name}, ${part}) || '${pick(dice, Array.from('abc019'))}'`
  const text = `substr(${edited} || substr(${name}, length(${edited}) + 1), 1, length(${name}))`
  const put = `length(${name}) / ${1 + dice(3)}`
  const blob = pick(dice, [`zeroblob(length(${name}))`, patternedBlob(put, dice(10_000), `length(${name})`)])
  const where = onceIn(dice, 2) ? `length(${name}) > ${dice(3000)}` : some(context)
  return `UPDATE ${table.name} SET ${name} = CASE typeof(${name}) WHEN 'blob' THEN ${blob} WHEN 'text' THEN ${text} ELSE ${name} END WHERE ${where}`
}

function updateKey(context: Context): string {
  const { dice, table, options } = context
  const key = table.columns.filter(({ keyPlace }) => keyPlace > 0)
  if (key.length === 0) {
    return table.isWithoutRowid
      ? 'PRAGMA optimize'
      : `UPDATE OR REPLACE ${table.name} SET rowid = rowid + ${1 + dice(50)} WHERE ${some(context)}`
  }
  const { name } = pick(dice, key)
  const to = pick(dice, [`${name} + 1`, `-${name}`, `upper(${name})`, newRowid(dice, options)])
  return `UPDATE ${pick(dice, ['', 'OR REPLACE ', 'OR IGNORE '])}${table.name} SET ${name} = ${to} WHERE ${some(context)}`
}

/** Two rows exchange what only one of them may have. */
function swap(context: Context): string {
  const { dice, table, world } = context
  const unique = table.columns.filter(({ isUnique, keyPlace }) => isUnique || keyPlace > 0)
  const name = unique.length === 0 ? (table.isWithoutRowid ? undefined : 'rowid') : pick(dice, unique).name
  const [a, b] = name === undefined ? [] : world.literals(table, name, 2)
  if (a === undefined || b === undefined) return insert(context)
  const set = (to: string, from: string): string => `UPDATE ${table.name} SET ${name} = ${to} WHERE ${name} IS ${from}`
  const between = a.startsWith("'") ? "'between'" : '-987654'
  return `BEGIN; ${set(between, a)}; ${set(a, b)}; ${set(b, between)}; COMMIT`
}

function upsert(context: Context): string {
  const { dice, table } = context
  const columns = table.columns
  const names = columns.map(({ name }) => name).join(', ')
  const { name } = pick(dice, columns)
  return `INSERT INTO ${table.name} (${names}) VALUES (${values(context, columns)}) ON CONFLICT DO UPDATE SET ${name} = excluded.${name}`
}

function virtualStatement(dice: Dice, { name, sql }: TableInfo): string {
  const rowid = 1 + dice(40)
  if (/rtree/i.test(sql)) {
    const [x, y] = [dice(100), dice(100)]
    return pick(dice, [
      `INSERT OR REPLACE INTO ${name} SELECT ${rowid}, ${x}, ${x + 1 + dice(9)}, ${/i32/.test(sql) ? "'note'" : `${y}, ${y + 5}`}`,
      `WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n LIMIT ${dice(80)}) INSERT OR IGNORE INTO ${name} SELECT i, i % 7, i % 7 + 2, ${/i32/.test(sql) ? 'i' : 'i % 5, i % 5 + 1'} FROM n`,
      `DELETE FROM ${name} WHERE id % ${2 + dice(4)} = 0`,
      `UPDATE ${name} SET x1 = x1 - 1 WHERE id < ${rowid}`,
    ])
  }
  const words = many(1 + dice(30), () => pick(dice, ['quick', 'brown', 'fox', 'jumps', 'über', 'lazy', `w${dice(200)}`])).join(
    ' ',
  )
  const isOwn = /title/.test(sql)
  return pickByWeight(dice, [
    [
      6,
      isOwn
        ? `INSERT INTO ${name} (rowid, title, body) VALUES (${rowid}, '${words.slice(0, 9)}', '${words}')`
        : `INSERT INTO ${name} (${name}) VALUES ('rebuild')`,
    ],
    [2, `DELETE FROM ${name} WHERE rowid % ${2 + dice(5)} = 0`],
    [
      1,
      `INSERT INTO ${name} (${name}) VALUES ('${pick(dice, ['optimize', 'rebuild', 'automerge=4', 'delete-all'].slice(0, 2))}')`,
    ],
    [1, isOwn ? `UPDATE ${name} SET body = body || ' again' WHERE rowid = ${rowid}` : 'PRAGMA optimize'],
  ])
}
