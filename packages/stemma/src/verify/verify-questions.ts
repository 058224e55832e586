import { StemmaError, checksum64, type Position, type TextEncoding } from '@stemma/base'
import { showValues } from '../changes/change-lines.ts'
import { plainValue, type ChangeValue } from '../changes/row-values.ts'
import { isPosition } from '../questions/schema-question.ts'
import type { Question } from '../questions/questions.ts'
import { showDigest } from '../status.ts'
import { readTablesAt, type HashedRow, type LeaderParts } from './leader-tables.ts'
import type { RowHash } from './row-hash.ts'
import type { SchemaFact, TableFacts } from './table-facts.ts'
import { BUCKETS, Tallies, bucketOf, type Tally } from './tally.ts'

/** Rows of buckets are told up to about this many characters. */
const ROWS_SIZE_MAX = 2 * 1024 * 1024
/** So many rows are gathered at most, those that are taken back included. */
const ROWS_MAX = 200_000

/** A tally as it goes over the wire: rows, digest. */
export type ToldTally = readonly [rows: number, digest: string]

/** Answers `digests`. */
export interface DigestsAnswer {
  readonly tables: readonly { readonly name: string; readonly tally: ToldTally }[]
  /** Name of each object of the schema, and the hash of what it is. */
  readonly schema: readonly (readonly [name: string, hash: string])[]
}

/** Answers `rows`: the hash of each row, and the row as JSON. */
export interface RowsAnswer {
  readonly rows: readonly (readonly [key: string, row: string, json: string])[]
  /** False when there are more than may be told. */
  readonly complete: boolean
}

interface Asked {
  readonly position: Position
  readonly encoding: TextEncoding
}

/** The digest of each table, and of the schema. */
export async function answerDigests(question: Question, parts: LeaderParts): Promise<DigestsAnswer> {
  const { position, encoding } = askedOf(question)
  const only = question['tables'] === undefined ? undefined : new Set(namesOf(question['tables']))
  const tallies = new Map<string, Tallies>()
  const wanted = (name: string): boolean => only === undefined || only.has(name)
  const { tables, schema } = await readTablesAt(position, encoding, parts, { wanted, sink: countIn(tallies) })
  return {
    tables: tables
      .filter(({ name }) => wanted(name))
      .map(({ name }) => ({ name, tally: showTally((tallies.get(name) ?? new Tallies()).total) })),
    schema: schema.map((fact) => [fact.name, showDigest(hashFact(fact))]),
  }
}

/** The digests of a table's rows, sorted into buckets. */
export async function answerBuckets(question: Question, parts: LeaderParts): Promise<readonly ToldTally[]> {
  const { position, encoding } = askedOf(question)
  const [table] = namesOf([question['table']])
  const tallies = new Map<string, Tallies>()
  await readTablesAt(position, encoding, parts, { wanted: (name) => name === table, sink: countIn(tallies) })
  return (tallies.get(table!) ?? new Tallies()).buckets.map(showTally)
}

/** The rows of some buckets. */
export async function answerRows(question: Question, parts: LeaderParts): Promise<RowsAnswer> {
  const { position, encoding } = askedOf(question)
  const [table] = namesOf([question['table']])
  const buckets = bucketsOf(question['buckets'])
  // What is taken back comes in any order: a row counts when it was added more often than removed.
  const rows = new Map<string, { count: number; told: readonly [key: string, row: string, json: string] | undefined }>()
  let size = 0
  let complete = true
  const count = (hash: RowHash, by: number): { count: number; told: RowsAnswer['rows'][number] | undefined } => {
    const id = idOf(hash)
    const found = rows.get(id) ?? { count: 0, told: undefined }
    rows.set(id, found)
    found.count += by
    return found
  }
  await readTablesAt(position, encoding, parts, {
    wanted: (name) => name === table,
    sink: {
      add(facts, hash, row) {
        if (!buckets.has(bucketOf(hash))) return
        if (size > ROWS_SIZE_MAX || rows.size >= ROWS_MAX) return void (complete = false)
        const found = count(hash, 1)
        if (found.told !== undefined) return
        const json = showRow(facts, row)
        size += json.length
        found.told = [showDigest(hash.key), showDigest(hash.row), json]
      },
      remove: (_facts, hash) => void (buckets.has(bucketOf(hash)) && count(hash, -1)),
    },
  })
  const told = [...rows.values()].filter((each) => each.count > 0).map((each) => each.told)
  return { rows: told.filter((each) => each !== undefined), complete }
}

/** Counts rows into buckets, by table. */
export function countIn(tallies: Map<string, Tallies>): {
  add(table: TableFacts, hash: RowHash): void
  remove(table: TableFacts, hash: RowHash): void
} {
  const of = ({ name }: TableFacts): Tallies => {
    let tally = tallies.get(name)
    if (tally === undefined) tallies.set(name, (tally = new Tallies()))
    return tally
  }
  return { add: (table, hash) => of(table).add(hash), remove: (table, hash) => of(table).remove(hash) }
}

/** A row as JSON, by column names; the rowid in front where it is no column. */
export function showRow({ layout, hasRowid }: TableFacts, { rowid, values }: HashedRow): string {
  const named = Object.create(null) as Record<string, ChangeValue>
  if (hasRowid && layout.rowidColumn === undefined) named['rowid'] = rowid
  for (const [i, { name }] of layout.columns.entries()) named[name] = plainValue(values[i]!)
  return showValues(named)
}

/** What an object of a schema is. */
export function hashFact({ kind, name, tableName, sql }: SchemaFact): bigint {
  return checksum64(new TextEncoder().encode([kind, name, tableName, sql ?? ''].join('\0')))
}

export function showTally({ rows, digest }: Tally): ToldTally {
  return [rows, showDigest(digest)]
}

function idOf({ key, row }: RowHash): string {
  return `${key} ${row}`
}

function askedOf({ position, encoding }: Question): Asked {
  const isEncoding = encoding === 'utf-8' || encoding === 'utf-16le' || encoding === 'utf-16be'
  if (!isPosition(position) || !isEncoding)
    throw new StemmaError('BAD_ARGUMENT', 'a question about tables names a position and an encoding')
  return { position: { epoch: position.epoch, sequence: position.sequence }, encoding }
}

function namesOf(value: unknown): readonly string[] {
  const names = Array.isArray(value) ? (value as readonly unknown[]) : []
  if (names.length === 0 || !names.every((name) => typeof name === 'string'))
    throw new StemmaError('BAD_ARGUMENT', 'a question about tables names tables')
  return names
}

function bucketsOf(value: unknown): ReadonlySet<number> {
  const buckets = Array.isArray(value) ? (value as readonly unknown[]) : []
  const isSound =
    buckets.length > 0 && buckets.every((each) => Number.isSafeInteger(each) && Number(each) >= 0 && Number(each) < BUCKETS)
  if (!isSound) throw new StemmaError('BAD_ARGUMENT', `a question about rows names buckets from 0 to ${BUCKETS - 1}`)
  return new Set(buckets as readonly number[])
}
