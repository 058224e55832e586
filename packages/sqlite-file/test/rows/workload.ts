/** Draws numbers from a seed. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end)
  }

  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!
  }
}

interface Table {
  name: string
  readonly columns: string[]
  /** Columns that no statement sets. */
  readonly generated: string[]
  readonly hasRowid: boolean
  readonly key: readonly string[]
}

const TYPES = ['', 'INT', 'TEXT', 'REAL', 'BLOB', 'NUMERIC', 'VARCHAR(10)', 'DOUBLE']

/** A random schema, and random transactions on it; the same for the same dice. */
export class Workload {
  readonly #dice: Dice
  readonly #pageSize: number
  readonly #tables: Table[] = []
  #count = 0
  readonly setup: readonly string[]

  constructor(dice: Dice) {
    this.#dice = dice
    this.#pageSize = dice.pick([512, 512, 512, 512, 1024, 1024, 2048, 4096, 8192, 65_536])
    const encoding = dice.pick(['UTF-8', 'UTF-8', 'UTF-16le', 'UTF-16be'])
    const autoVacuum = dice.pick(['none', 'none', 'full', 'incremental'])
    this.setup = [
      `PRAGMA page_size = ${this.#pageSize}; PRAGMA encoding = '${encoding}'; PRAGMA auto_vacuum = ${autoVacuum}`,
      ...Array.from({ length: 1 + dice.below(4) }, () => this.#createTable()),
    ]
  }

  /** Pragmas of the connection that writes. */
  pragmas(): string {
    return `PRAGMA secure_delete = ${this.#dice.pick(['OFF', 'ON', 'FAST'])}; PRAGMA cache_size = ${this.#dice.pick([-2000, 10, 5])}`
  }

  /** One transaction. */
  next(): string {
    const dice = this.#dice
    if (dice.chance(3))
      return dice.pick(['VACUUM', 'PRAGMA incremental_vacuum(3)', 'PRAGMA incremental_vacuum', 'REINDEX', 'ANALYZE'])
    const count = dice.chance(50) ? 1 : 1 + dice.below(6)
    const statements: string[] = []
    for (let i = 0; i < count; i++) {
      const statement = this.#statement()
      if (dice.chance(8)) statements.push(`SAVEPOINT s; ${statement}; ${dice.pick(['ROLLBACK TO s; ', ''])}RELEASE s`)
      else statements.push(statement)
    }
    return `BEGIN; ${statements.join('; ')}; COMMIT`
  }

  #statement(): string {
    const dice = this.#dice
    if (dice.chance(6) || this.#tables.length === 0) return this.#schemaStatement()
    const table = dice.pick(this.#tables)
    switch (dice.below(12)) {
      case 0:
      case 1:
      case 2:
        return this.#insert(table, 1)
      case 3:
        return this.#insert(table, 1 + dice.below(dice.chance(20) ? 120 : 15))
      case 4:
      case 5:
        return this.#update(table)
      case 6:
      case 7:
        return this.#overwrite(table)
      case 8:
        return `UPDATE "${table.name}" SET ${this.#set(table)} WHERE ${this.#someRows(table, 1 + dice.below(20))}`
      case 9:
      case 10:
        return `DELETE FROM "${table.name}" WHERE ${this.#someRows(table, 1 + dice.below(dice.chance(20) ? 100 : 4))}`
      default:
        return dice.chance(15) ? `DELETE FROM "${table.name}"` : this.#insert(table, 2)
    }
  }

  #schemaStatement(): string {
    const dice = this.#dice
    const table = this.#tables.length === 0 ? undefined : dice.pick(this.#tables)
    if (table === undefined || (dice.chance(25) && this.#tables.length < 6)) return this.#createTable()
    const free = table.columns.filter((column) => !table.key.includes(column))
    switch (dice.below(7)) {
      case 0: {
        this.#tables.splice(this.#tables.indexOf(table), 1)
        return `DROP TABLE "${table.name}"`
      }
      case 1: {
        const name = `r${this.#count++}`
        const sql = `ALTER TABLE "${table.name}" RENAME TO "${name}"`
        table.name = name
        return sql
      }
      case 2: {
        const column = `c${this.#count++}`
        table.columns.push(column)
        return `ALTER TABLE "${table.name}" ADD COLUMN ${column} ${dice.pick(["TEXT DEFAULT 'some text'", 'REAL DEFAULT 7', 'INT', 'DEFAULT -3'])}`
      }
      case 3: {
        // Columns that an index or a generated column uses can not go: those that were added are in none.
        const column = free.findLast((one) => one.startsWith('c'))
        if (column === undefined) return 'SELECT 1'
        table.columns.splice(table.columns.indexOf(column), 1)
        return `ALTER TABLE "${table.name}" DROP COLUMN ${column}`
      }
      case 4: {
        const at = table.columns.findLastIndex((one) => one.startsWith('c'))
        if (at < 0) return `CREATE VIEW v${this.#count++} AS SELECT * FROM "${table.name}"`
        const column = `c${this.#count++}`
        const sql = `ALTER TABLE "${table.name}" RENAME COLUMN ${table.columns[at]} TO ${column}`
        table.columns[at] = column
        return sql
      }
      case 5:
        return `CREATE INDEX i${this.#count++} ON "${table.name}" (${dice.pick(table.columns.filter((one) => !one.startsWith('c')))})`
      default:
        return `CREATE TABLE p${this.#count++} AS SELECT * FROM "${table.name}" LIMIT ${dice.below(40)}`
    }
  }

  #createTable(): string {
    const dice = this.#dice
    const name = `t${this.#count++}`
    const kind = dice.below(6)
    const columns = Array.from({ length: 1 + dice.below(6) }, (_, i) => `a${i}`)
    const definitions = columns.map((column) => `${column} ${dice.pick(TYPES)}`)
    const generated: string[] = []
    if (dice.chance(15)) {
      generated.push('g')
      definitions.push(`g AS (a0 || 'x') ${dice.pick(['VIRTUAL', 'STORED'])}`)
    }
    const hasRowid = kind < 4
    const key: string[] = []
    if (kind === 0 || kind === 1) {
      key.push('id')
      definitions.splice(dice.below(definitions.length), 0, `id INTEGER PRIMARY KEY${kind === 1 ? ' AUTOINCREMENT' : ''}`)
    } else if (kind === 2 || !hasRowid) {
      key.push(...columns.filter((_, i) => i === 0 || dice.chance(40)).reverse())
      definitions.push(`PRIMARY KEY (${key.map((one) => `${one}${dice.pick(['', ' COLLATE NOCASE', ' DESC'])}`).join(', ')})`)
    }
    if (dice.chance(20)) definitions.push(`UNIQUE (${dice.pick(columns)}, ${dice.pick(['a0'])}) ON CONFLICT REPLACE`)
    this.#tables.push({ name, columns: kind < 2 ? ['id', ...columns] : columns, generated, hasRowid, key })
    const table = `CREATE TABLE ${name} (${definitions.join(', ')})${hasRowid ? '' : ' WITHOUT ROWID'}`
    return dice.chance(50) ? `${table}; CREATE INDEX i${this.#count++} ON ${name} (${columns.at(-1)}, ${columns[0]})` : table
  }

  #insert(table: Table, rows: number): string {
    const dice = this.#dice
    const columns = table.columns.filter((column) => column !== 'id' || dice.chance(30))
    const rowid = table.hasRowid && !table.key.includes('id') && dice.chance(20)
    const names = [...(rowid ? ['rowid'] : []), ...columns].map((column) => (column === 'rowid' ? column : `"${column}"`))
    const one = (): string => {
      const values = columns.map((column) => (column === 'id' ? this.#rowid() : this.#value(table.key.includes(column))))
      return `(${[...(rowid ? [this.#rowid()] : []), ...values].join(', ')})`
    }
    return `INSERT OR ${dice.pick(['REPLACE', 'IGNORE'])} INTO "${table.name}" (${names.join(', ')}) VALUES ${Array.from({ length: rows }, one).join(', ')}`
  }

  #rowid(): string {
    const dice = this.#dice
    if (dice.chance(80)) return String(dice.below(1000) - 100)
    return dice.pick([
      '-9223372036854775808',
      '9223372036854775806',
      String(dice.below(2 ** 31) * 2 ** 21),
      String(-dice.below(2 ** 40)),
      String(dice.below(2 ** 33)),
      '4294967295',
      '4294967296',
    ])
  }

  #update(table: Table): string {
    return `UPDATE OR IGNORE "${table.name}" SET ${this.#set(table)} WHERE ${this.#someRows(table, 1)}`
  }

  /** Changes bytes in the middle of a value and keeps its size: SQLite then writes overflow pages in place. */
  #overwrite(table: Table): string {
    const dice = this.#dice
    const column = dice.pick(table.columns.filter((one) => !table.key.includes(one) || dice.chance(5)))
    if (column === undefined || column === 'id') return this.#update(table)
    const at = `(length("${column}") * ${dice.below(100)} / 100)`
    const changed = `substr("${column}", 1, ${at}) || ${dice.pick(["'zZ'", "'q'", "'0123456789'"])} || substr("${column}", ${at} + 1)`
    const kept = `CAST(substr(${changed}, 1, length("${column}")) AS ${dice.pick(['TEXT', 'BLOB'])})`
    const longest = `(SELECT ${table.hasRowid ? 'rowid' : `"${table.key[0]}"`} FROM "${table.name}" ORDER BY length("${column}") DESC LIMIT 1 OFFSET ${dice.below(6)})`
    return `UPDATE OR IGNORE "${table.name}" SET "${column}" = ${kept} WHERE ${table.hasRowid ? 'rowid' : `"${table.key[0]}"`} = ${longest}`
  }

  #set(table: Table): string {
    const columns = table.columns.filter(
      (column) => this.#dice.chance(40) && (!table.key.includes(column) || this.#dice.chance(20)),
    )
    const chosen = columns.length === 0 ? [table.columns.at(-1)!] : columns
    return chosen
      .map((column) => `"${column}" = ${column === 'id' ? this.#rowid() : this.#value(table.key.includes(column))}`)
      .join(', ')
  }

  #someRows(table: Table, count: number): string {
    const dice = this.#dice
    const column = table.hasRowid ? 'rowid' : `"${table.key[0]}"`
    const from = dice.below(300)
    if (dice.chance(30)) return `${column} IN (SELECT ${column} FROM "${table.name}" ORDER BY ${column} DESC LIMIT ${count})`
    return `${column} IN (SELECT ${column} FROM "${table.name}" LIMIT ${count} OFFSET ${from} % max(1, (SELECT count(*) FROM "${table.name}")))`
  }

  #value(isKey: boolean): string {
    const dice = this.#dice
    const most = isKey && dice.chance(80) ? 40 : this.#pageSize > 8192 ? 3 * this.#pageSize : 8 * this.#pageSize
    switch (dice.below(9)) {
      case 0:
        return isKey ? String(dice.below(500)) : 'NULL'
      case 1:
        return String(dice.below(500))
      case 2:
        return dice.pick([
          '0',
          '1',
          '-1',
          '127',
          '128',
          '-32769',
          '8388608',
          '2147483648',
          '-9223372036854775808',
          '9223372036854775807',
        ])
      case 3:
        return dice.pick(['1.5', '7.0', '-0.0', '1e300', '9e999', '5e-324'])
      case 4:
        return `'näme ${dice.below(300)} ${'✓😀'.repeat(dice.below(4))}'`
      case 5:
        return dice.chance(30) ? `zeroblob(${dice.below(most)})` : `x'${'5a'.repeat(dice.below(30))}'`
      case 6:
        return dice.chance(40) ? this.#text(dice.below(most)) : this.#text(dice.below(60))
      default:
        return this.#text(dice.below(30))
    }
  }

  #text(size: number): string {
    const piece = `k${this.#dice.below(1000)}.`
    return `'${piece.repeat(Math.ceil(size / piece.length)).slice(0, size)}'`
  }
}
