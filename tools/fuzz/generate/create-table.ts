import { many, onceIn, pick, pickByWeight, type Dice } from './dice.ts'
import { newInteger, newText } from './values.ts'
import { quoteName, type World } from './world.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'rowid', 'oid', 'two words', 'sel"ect', 'order', 'ключ', 'x.y', "it's"]
const TYPES = ['INTEGER', 'INT', 'TEXT', 'BLOB', 'REAL', 'NUMERIC', '', 'VARCHAR(10)', 'DOUBLE', 'BOOLEAN', 'ANY']
const STRICT_TYPES = ['INTEGER', 'INT', 'TEXT', 'BLOB', 'REAL', 'ANY']
const COLLATIONS = ['BINARY', 'NOCASE', 'RTRIM']
const ACTIONS = ['CASCADE', 'SET NULL', 'SET DEFAULT', 'RESTRICT', 'NO ACTION']

/** A name that nothing has, most often a plain one. */
export function newName(dice: Dice, kind: string): string {
  const plain = `${kind}${dice(12)}`
  return quoteName(onceIn(dice, 6) ? pick(dice, [`${plain} "x"`, `${plain} ü`, plain.toUpperCase(), `${plain}'`]) : plain)
}

/** A CREATE TABLE with whatever SQLite has to offer. */
export function createTable(dice: Dice, world: World): string {
  const isStrict = onceIn(dice, 6)
  const names = columnNames(dice)
  const key = keyKind(dice)
  const columns = names.map((name, i) => column(dice, { name, names, i, key, isStrict, world }))
  const constraints: string[] = []
  if (key === 'composite') {
    const count = 1 + dice(Math.min(3, names.length))
    const parts = many(count, (i) => `${names[(i * 2 + 1) % names.length]!}${pick(dice, ['', '', ' DESC', ' COLLATE NOCASE'])}`)
    constraints.push(`PRIMARY KEY (${[...new Set(parts)].join(', ')})`)
  }
  if (onceIn(dice, 4))
    constraints.push(`UNIQUE (${pick(dice, names)}, ${pick(dice, names)})${pick(dice, ['', ' ON CONFLICT REPLACE'])}`)
  if (onceIn(dice, 8)) constraints.push(`CHECK (${pick(dice, names)} IS NOT 13)`)
  const withoutRowid = key !== 'none' && key !== 'auto' && onceIn(dice, 3)
  const options = [withoutRowid ? 'WITHOUT ROWID' : '', isStrict ? 'STRICT' : ''].filter((each) => each !== '')
  return `CREATE TABLE ${newName(dice, 't')} (${[...columns, ...constraints].join(', ')}) ${options.join(', ')}`.trim()
}

type KeyKind = 'none' | 'integer' | 'auto' | 'text' | 'composite'

function keyKind(dice: Dice): KeyKind {
  return pickByWeight<KeyKind>(dice, [
    [3, 'none'],
    [4, 'integer'],
    [1, 'auto'],
    [3, 'text'],
    [3, 'composite'],
  ])
}

function columnNames(dice: Dice): string[] {
  if (onceIn(dice, 15)) return many(60 + dice(100), (i) => `c${i}`)
  const count = 1 + dice(7)
  const names = new Set<string>()
  while (names.size < count) names.add(quoteName(onceIn(dice, 4) ? pick(dice, NAMES) : NAMES[names.size]!))
  return [...names]
}

interface ColumnChoice {
  readonly name: string
  readonly names: readonly string[]
  readonly i: number
  readonly key: KeyKind
  readonly isStrict: boolean
  readonly world: World
}

function column(dice: Dice, { name, names, i, key, isStrict, world }: ColumnChoice): string {
  if (i === 0 && key === 'integer') return `${name} INTEGER PRIMARY KEY${pick(dice, ['', '', ' DESC'])}`
  if (i === 0 && key === 'auto') return `${name} INTEGER PRIMARY KEY AUTOINCREMENT`
  if (i === 0 && key === 'text')
    return `${name} ${pick(dice, ['TEXT', 'BLOB', 'REAL', 'INT'])} PRIMARY KEY${pick(dice, ['', ' DESC', ' COLLATE NOCASE'])}`
  const type = pick(dice, isStrict ? STRICT_TYPES : TYPES)
  if (i > 0 && onceIn(dice, 10)) {
    const other = names[dice(i)]!
    const value = pick(dice, [`length(${other})`, `coalesce(${other}, 7)`, `typeof(${other}) || 'x'`, `${other} IS NULL`])
    return `${name} ${isStrict ? 'ANY' : type} AS (${value}) ${pick(dice, ['STORED', 'VIRTUAL'])}`
  }
  const parts = [name, type]
  if (onceIn(dice, 8)) parts.push(`COLLATE ${pick(dice, COLLATIONS)}`)
  if (onceIn(dice, 4)) parts.push(`DEFAULT ${newDefault(dice)}`)
  if (onceIn(dice, 12)) parts.push('NOT NULL ON CONFLICT REPLACE')
  if (onceIn(dice, 7)) parts.push(`UNIQUE${pick(dice, ['', '', ' ON CONFLICT REPLACE', ' ON CONFLICT IGNORE'])}`)
  if (onceIn(dice, 7)) parts.push(reference(dice, world))
  return parts.filter((each) => each !== '').join(' ')
}

/** A default that ALTER TABLE ADD COLUMN takes too, most often. */
export function newDefault(dice: Dice): string {
  return pick(dice, [
    '5',
    '-1.5',
    "'new'",
    "x'00ff'",
    'NULL',
    'TRUE',
    '1.0',
    '(1 + 2)',
    newText(dice, 12),
    newInteger(dice, { extremes: true }),
  ])
}

/** A foreign key on a table that is there, or will never be. */
export function reference(dice: Dice, world: World): string {
  const { tables } = world
  const parent = tables.length === 0 || onceIn(dice, 15) ? undefined : pick(dice, tables)
  const key = parent?.columns.find((each) => each.keyPlace > 0 || each.isUnique)
  if (parent === undefined || key === undefined) return ''
  const actions = `ON DELETE ${pick(dice, ACTIONS)} ON UPDATE ${pick(dice, ACTIONS)}`
  return `REFERENCES ${parent.name} (${key.name}) ${actions} ${pick(dice, ['', 'DEFERRABLE INITIALLY DEFERRED'])}`.trim()
}
