/** One instruction of the program that SQLite makes of a statement, as EXPLAIN tells it. */
export interface Opcode {
  readonly opcode: string
  readonly p1: number
  readonly p2: number
  readonly p3: number
  readonly p4: string | null
  readonly p5: number
}

/** A row of `sqlite_schema`. */
export interface SchemaRow {
  readonly database: 'main' | 'temp'
  readonly type: 'table' | 'index' | 'view' | 'trigger'
  readonly name: string
  /** The table that an index or trigger belongs to. */
  readonly table: string
  /** Null for the indexes that SQLite makes for UNIQUE and PRIMARY KEY. */
  readonly sql: string | null
}

/** What SQLite is asked; the connection of the leader's program, or one that was opened for linting. */
export interface StatementPort {
  /** The rows of main.sqlite_schema and temp.sqlite_schema, in the order of their rowids. */
  schemaRows(): readonly SchemaRow[]
  /**
   * The program of a statement, subprograms of triggers and foreign keys behind it. Parameters are taken to be NULL. Instructions that
   * `isTelling` says nothing of may be left out.
   *
   * @throws what SQLite says when it refuses the statement.
   */
  explain(sql: string): readonly Opcode[]
  /** Functions that the program defined, in lower case. */
  userFunctions(): ReadonlySet<string>
  /** Those of them that the program declared recordable: what they give back may be replayed. */
  recordableFunctions?(): ReadonlySet<string>
  /** Whether the rowid 2^63 - 1 is taken in a table of the main database. */
  isRowidExhausted(table: string): boolean
}
