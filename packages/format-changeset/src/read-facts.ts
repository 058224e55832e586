import type { SqliteValue, TextEncoding } from '@stemma/base'
import { damagedPayload, type Affinity, type Column, type SchemaChange, type SchemaObject, type TableLayout } from '@stemma/log'
import { showText } from '@stemma/sqlite-file'
import { COLUMNS_MAX, type ChangesetTable } from './changeset.ts'
import { FACTS_KEY, type CommitFact, type RowsAt, type TableFact } from './facts.ts'

/** The facts of a payload. */
export interface Facts {
  readonly commit: CommitFact
  readonly schema: readonly SchemaChange[]
  readonly tables: readonly { readonly fact: TableFact; readonly data: Uint8Array | undefined }[]
}

/**
 * Reads the facts of a commit: `facts.ts` says how they look.
 *
 * @throws StemmaError DAMAGED_ENTRY when they make no sense
 */
export function readFacts({ changes, key }: ChangesetTable, version: number): Facts {
  if (String(key) !== String(FACTS_KEY)) throw damaged('columns')
  let commit: CommitFact | undefined
  const schema: SchemaChange[] = []
  const tables: { fact: TableFact; data: Uint8Array | undefined }[] = []
  for (const { after } of changes()) {
    const [, , , kind, fact, data] = after ?? []
    const parsed = new Parsed(jsonOf(fact), 'fact')
    const name = textOf(kind)
    if (name === 'commit' && commit === undefined) commit = readCommit(parsed)
    else if (name === 'schema') schema.push(readChange(parsed))
    else if (name === 'table' && commit !== undefined)
      tables.push({ fact: readTable(parsed, commit.textEncoding), data: data instanceof Uint8Array ? data : undefined })
    else throw damaged(`a fact of kind ${JSON.stringify(name)}`)
  }
  if (commit?.version !== version) throw damaged(`version ${commit?.version}`)
  return { commit, schema, tables }
}

/** A value of JSON that is taken for what it should be, or refused. */
class Parsed {
  readonly #value: unknown
  readonly #what: string

  constructor(value: unknown, what: string) {
    this.#value = value
    this.#what = what
  }

  get isThere(): boolean {
    return this.#value !== undefined && this.#value !== null
  }

  field(name: string): Parsed {
    const value = this.#value
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw damaged(this.#what)
    return new Parsed(Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined, name)
  }

  text(): string {
    return typeof this.#value === 'string' ? this.#value : this.#refuse()
  }

  flag(): boolean {
    return typeof this.#value === 'boolean' ? this.#value : this.#refuse()
  }

  /** A whole number, below a limit. */
  number(end = 2 ** 32): number {
    const value = this.#value
    return typeof value === 'number' && Number.isInteger(value) && value >= -(2 ** 31) && value < end ? value : this.#refuse()
  }

  /** A count or an index. */
  count(end = COLUMNS_MAX + 1): number {
    const count = this.number(end)
    return count >= 0 ? count : this.#refuse()
  }

  oneOf<T extends string>(names: readonly T[]): T {
    return names.find((name) => name === this.#value) ?? this.#refuse()
  }

  list<T>(read: (item: Parsed) => T): T[] {
    const value = this.#value
    if (!Array.isArray(value) || value.length > COLUMNS_MAX) this.#refuse()
    return (value as unknown[]).map((item) => read(new Parsed(item, this.#what)))
  }

  #refuse(): never {
    throw damaged(this.#what)
  }
}

const ENCODINGS: readonly TextEncoding[] = ['utf-8', 'utf-16le', 'utf-16be']
const AFFINITIES: readonly Affinity[] = ['blob', 'text', 'numeric', 'integer', 'real']
const ROWS_AT: readonly RowsAt[] = ['key', 'keyed', 'listed', 'raw']
const OBJECT_KINDS: readonly SchemaObject['kind'][] = ['table', 'index', 'view', 'trigger']

function maybe<T>(parsed: Parsed, read: (parsed: Parsed) => T): T | undefined {
  return parsed.isThere ? read(parsed) : undefined
}

function readCommit(fact: Parsed): CommitFact {
  return {
    version: fact.field('version').number(),
    changes: fact.field('changes').count(Infinity),
    textEncoding: fact.field('textEncoding').oneOf(ENCODINGS),
    schemaVersion: fact.field('schemaVersion').number(),
    userVersion: maybe(fact.field('userVersion'), (each) => each.number()),
    applicationId: maybe(fact.field('applicationId'), (each) => each.number()),
  }
}

function readChange(fact: Parsed): SchemaChange {
  const kind = fact.field('kind').oneOf(['create', 'drop', 'alter'] as const)
  if (kind !== 'alter') return { kind, object: readObject(fact.field('object')) }
  return { kind, before: readObject(fact.field('before')), after: readObject(fact.field('after')) }
}

function readObject(object: Parsed): SchemaObject {
  return {
    kind: object.field('kind').oneOf(OBJECT_KINDS),
    name: object.field('name').text(),
    tableName: object.field('tableName').text(),
    sql: maybe(object.field('sql'), (each) => each.text()),
    hasTree: object.field('hasTree').flag(),
  }
}

function readTable(fact: Parsed, encoding: TextEncoding): TableFact {
  const layoutOf = (name: string): TableLayout | undefined => maybe(fact.field(name), (each) => readLayout(each, encoding))
  return {
    name: fact.field('name').text(),
    nameBefore: maybe(fact.field('nameBefore'), (each) => each.text()),
    keyCount: fact.field('keyCount').count(),
    isLayoutNews: fact.field('isLayoutNews').flag(),
    layout: layoutOf('layout'),
    layoutBefore: layoutOf('layoutBefore'),
    rowsAt: fact.field('rowsAt').oneOf(ROWS_AT),
  }
}

function readLayout(layout: Parsed, encoding: TextEncoding): TableLayout {
  const columns = layout.field('columns').list((column) => readColumn(column, encoding))
  const indexes = (list: Parsed): number[] => list.list((index) => index.count(columns.length))
  const declaredOrder = maybe(layout.field('declaredOrder'), indexes)
  return {
    columns,
    rowidColumn: maybe(layout.field('rowidColumn'), (index) => index.count(columns.length)),
    primaryKey: indexes(layout.field('primaryKey')),
    ...(declaredOrder === undefined ? {} : { declaredOrder }),
  }
}

function readColumn(column: Parsed, encoding: TextEncoding): Column {
  return {
    name: column.field('name').text(),
    affinity: column.field('affinity').oneOf(AFFINITIES),
    defaultValue: maybe(column.field('defaultValue'), (each) => readValue(each, encoding)) ?? null,
    isGenerated: column.field('isGenerated').flag(),
  }
}

function readValue(value: Parsed, encoding: TextEncoding): SqliteValue {
  const [integer, real, blob, text] = ['integer', 'real', 'blob', 'text'].map((name) =>
    maybe(value.field(name), (each) => each.text()),
  )
  if (integer !== undefined && /^-?\d{1,19}$/.test(integer)) return BigInt.asIntN(64, BigInt(integer))
  if (real !== undefined && !Number.isNaN(Number(real))) return Number(real)
  if (blob !== undefined) return bytesOf(blob)
  if (text !== undefined) return { kind: 'text', encoding, bytes: bytesOf(text) }
  throw damaged('a default')
}

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'))
}

function textOf(value: SqliteValue | undefined): string {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) throw damaged('a value that is no text')
  return showText(value)
}

function jsonOf(value: SqliteValue | undefined): unknown {
  const text = textOf(value)
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw damaged('JSON', cause)
  }
}

function damaged(what: string, cause?: unknown): Error {
  return damagedPayload(0, `what Stemma says of the commit is not right: ${what}`, cause)
}
