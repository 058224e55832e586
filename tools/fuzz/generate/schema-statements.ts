import { createTable, newDefault, newName } from './create-table.ts'
import { onceIn, pick, pickByWeight, type Dice } from './dice.ts'
import { newValue, type ValueOptions } from './values.ts'
import type { TableInfo, World } from './world.ts'

/** A statement that changes the schema. */
export function schemaStatement(dice: Dice, world: World, options: ValueOptions): string {
  const tables = world.tables.filter(({ kind }) => kind === 'table')
  if (tables.length < 2) return createTable(dice, world)
  const table = pick(dice, tables)
  return pickByWeight<() => string>(dice, [
    [tables.length < 8 ? 6 : 1, () => createTable(dice, world)],
    [1, () => createVirtual(dice, world)],
    [1, () => `CREATE TABLE ${newName(dice, 't')} AS SELECT * FROM ${table.name} LIMIT ${dice(60)}`],
    [4, () => createIndex(dice, table)],
    [2, () => dropOne(dice, world.names('index'), 'INDEX')],
    [2, () => createTrigger(dice, world, [table, pick(dice, tables)], options)],
    [1, () => dropOne(dice, world.names('trigger'), 'TRIGGER')],
    [1, () => createView(dice, table)],
    [1, () => dropOne(dice, world.names('view'), 'VIEW')],
    [2, () => `DROP TABLE ${pick(dice, onceIn(dice, 4) ? world.tables : tables).name}`],
    [8, () => alterTable(dice, pick(dice, onceIn(dice, 6) ? world.tables : tables))],
    [1, () => `REINDEX ${table.name}`],
    [1, () => 'ANALYZE'],
  ])()
}

function alterTable(dice: Dice, table: TableInfo): string {
  const column = table.columns.length === 0 ? '"none"' : pick(dice, table.columns).name
  const added = newName(dice, 'n')
  return pickByWeight<() => string>(dice, [
    [
      4,
      () =>
        `ALTER TABLE ${table.name} ADD COLUMN ${added} ${pick(dice, ['', 'INT', 'TEXT', 'REAL', 'BLOB'])} DEFAULT ${newDefault(dice)}`,
    ],
    [2, () => `ALTER TABLE ${table.name} ADD COLUMN ${added}`],
    [1, () => `ALTER TABLE ${table.name} ADD COLUMN ${added} AS (coalesce(${column}, 1)) VIRTUAL`],
    [3, () => `ALTER TABLE ${table.name} DROP COLUMN ${column}`],
    [3, () => `ALTER TABLE ${table.name} RENAME COLUMN ${column} TO ${added}`],
    [3, () => `ALTER TABLE ${table.name} RENAME TO ${newName(dice, 't')}`],
  ])()
}

function createIndex(dice: Dice, table: TableInfo): string {
  if (table.columns.length === 0) return 'REINDEX'
  const part = (): string => {
    const { name } = pick(dice, table.columns)
    return pick(dice, [name, name, `${name} DESC`, `${name} COLLATE NOCASE`, `length(${name})`, `coalesce(${name}, 'x')`])
  }
  const parts = [part(), ...(onceIn(dice, 2) ? [part()] : [])]
  const where = onceIn(dice, 4) ? ` WHERE ${pick(dice, table.columns).name} IS NOT NULL` : ''
  return `CREATE ${onceIn(dice, 4) ? 'UNIQUE ' : ''}INDEX ${newName(dice, 'i')} ON ${table.name} (${parts.join(', ')})${where}`
}

/** Triggers point from one name to a later one, so that they do not go round in circles. */
function createTrigger(dice: Dice, world: World, pair: readonly TableInfo[], options: ValueOptions): string {
  const [table, other] = pair.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  if (table === undefined || other === undefined || table.name === other.name)
    return dropOne(dice, world.names('trigger'), 'TRIGGER')
  const when = pick(dice, ['AFTER INSERT', 'AFTER UPDATE', 'AFTER DELETE', 'BEFORE INSERT', 'BEFORE DELETE'])
  const column = other.columns.at(-1)?.name ?? '"none"'
  const limit = other.isWithoutRowid ? '' : ' WHERE rowid IN (SELECT rowid FROM ' + other.name + ' LIMIT 2)'
  const body = pick(dice, [
    `INSERT OR IGNORE INTO ${other.name} (${column}) VALUES (${newValue(dice, options)})`,
    `UPDATE OR IGNORE ${other.name} SET ${column} = ${newValue(dice, options)}${limit}`,
    other.isWithoutRowid ? 'SELECT 1' : `DELETE FROM ${other.name} WHERE rowid = (SELECT max(rowid) FROM ${other.name})`,
  ])
  return `CREATE TRIGGER ${newName(dice, 'r')} ${when} ON ${table.name} BEGIN ${body}; END`
}

function createView(dice: Dice, table: TableInfo): string {
  return `CREATE VIEW ${newName(dice, 'v')} AS SELECT * FROM ${table.name} WHERE ${table.columns[0]?.name ?? '1'} IS NOT NULL`
}

function createVirtual(dice: Dice, world: World): string {
  const name = newName(dice, 'v')
  const source = world.tables.find((table) => table.kind === 'table' && !table.isWithoutRowid && table.columns.length > 0)
  return pick(dice, [
    `CREATE VIRTUAL TABLE ${name} USING fts5 (title, body)`,
    `CREATE VIRTUAL TABLE ${name} USING fts5 (title, body, content = '', contentless_delete = 1)`,
    `CREATE VIRTUAL TABLE ${name} USING fts5 (title, body, detail = none, prefix = '2 3')`,
    `CREATE VIRTUAL TABLE ${name} USING rtree (id, x1, x2, y1, y2)`,
    `CREATE VIRTUAL TABLE ${name} USING rtree_i32 (id, x1, x2, +note)`,
    source === undefined
      ? 'SELECT 1'
      : `CREATE VIRTUAL TABLE ${name} USING fts5 (${source.columns[0]!.name}, content = ${source.name})`,
  ])
}

function dropOne(dice: Dice, names: readonly string[], kind: string): string {
  return names.length === 0 ? 'PRAGMA optimize' : `DROP ${kind} ${pick(dice, names)}`
}
