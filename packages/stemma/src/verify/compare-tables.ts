import { setImmediate as nextTurn } from 'node:timers/promises'
import { StemmaError, type TextEncoding } from '@stemma/base'
import type { Asker } from '../questions/ask-leader.ts'
import { showDigest } from '../status.ts'
import type { CopyTables } from './copy-tables.ts'
import { Slices } from './slices.ts'
import type { TableFacts } from './table-facts.ts'
import { Tallies, bucketOf } from './tally.ts'
import { checkDigests, checkEncoding, checkRows, checkTallies } from './verify-answers.ts'
import { hashFact, showRow, showTally, type DigestsAnswer, type ToldTally } from './verify-questions.ts'
import type { FoundDifference, VerifyResult } from './verify-result.ts'

/** Rows of so many buckets are looked at, to find the first one that differs. */
const BUCKETS_AT_ONCE = 16

/**
 * Compares a copy by rows, as it is now, with its leader as it was there.
 *
 * @param only - the tables; all when undefined
 */
export async function compareTables(
  copy: CopyTables,
  asker: Asker,
  only: ReadonlySet<string> | undefined,
): Promise<VerifyResult> {
  const { position } = copy.place
  const facts = copy.tables.filter(({ name }) => only === undefined || only.has(name))
  const encoding = checkEncoding(await ask(copy, asker, 'encoding', {}))
  const { told, tallies } = await countBoth(copy, asker, { facts, encoding, only })
  const schema = only === undefined ? compareSchema(copy, told) : undefined
  if (schema !== undefined) return { kind: 'differs', position, ...schema }
  for (const name of only ?? []) {
    const missing = !told.tables.some((table) => table.name === name) && !facts.some((table) => table.name === name)
    if (missing) throw new StemmaError('BAD_ARGUMENT', `there is no table ${JSON.stringify(name)}`, { name })
  }
  let rows = 0
  for (const { name, tally } of told.tables) {
    const table = facts.find((each) => each.name === name)
    if (table === undefined) return { kind: 'differs', position, name, what: 'the copy lacks this table' }
    const ours = tallies.get(name)!
    rows += ours.total.rows
    if (isSame(showTally(ours.total), tally)) continue
    return { kind: 'differs', position, ...(await findRow({ copy, asker, encoding }, table, ours)) }
  }
  const extra = facts.find(({ name }) => !told.tables.some((table) => table.name === name))
  if (extra !== undefined) return { kind: 'differs', position, name: extra.name, what: 'the leader has no such table' }
  return { kind: 'same', position, tables: facts.length, rows }
}

interface Counted {
  readonly told: DigestsAnswer
  readonly tallies: ReadonlyMap<string, Tallies>
}

/** Both ends count at the same time. When one can't, the other stops. */
async function countBoth(
  copy: CopyTables,
  asker: Asker,
  wanted: {
    readonly facts: readonly TableFacts[]
    readonly encoding: TextEncoding
    readonly only: ReadonlySet<string> | undefined
  },
): Promise<Counted> {
  const { facts, encoding, only } = wanted
  const stop = new AbortController()
  const counting = countCopy(copy, facts, encoding, stop.signal)
  counting.catch(() => {})
  try {
    const told = checkDigests(await ask(copy, asker, 'digests', only === undefined ? {} : { tables: [...only] }))
    return { told, tallies: await counting }
  } catch (error) {
    stop.abort()
    await counting.catch(() => {})
    throw error
  }
}

async function countCopy(
  copy: CopyTables,
  facts: readonly TableFacts[],
  encoding: TextEncoding,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Tallies>> {
  const tallies = new Map<string, Tallies>()
  const slices = new Slices(async () => {
    await nextTurn()
    signal.throwIfAborted()
  })
  for (const table of facts) {
    const tally = new Tallies()
    tallies.set(table.name, tally)
    await copy.walk(table, encoding, (hash) => tally.add(hash), slices)
  }
  return tallies
}

function compareSchema(copy: CopyTables, told: DigestsAnswer): FoundDifference | undefined {
  const theirs = new Map(told.schema)
  const ours = new Map(copy.schema.map((fact) => [fact.name, showDigest(hashFact(fact))]))
  for (const [name, hash] of theirs) {
    if (!ours.has(name)) return { name, what: 'the schema of the copy lacks it' }
    if (ours.get(name) !== hash) return { name, what: 'its SQL in the schema of the copy is another' }
  }
  const extra = [...ours.keys()].find((name) => !theirs.has(name))
  return extra === undefined ? undefined : { name: extra, what: 'the schema of the leader has no such thing' }
}

/** Finds a row that differs: which of many buckets of rows differ, then which rows in them. */
async function findRow(
  { copy, asker, encoding }: { readonly copy: CopyTables; readonly asker: Asker; readonly encoding: TextEncoding },
  table: TableFacts,
  ours: Tallies,
): Promise<FoundDifference> {
  const { name } = table
  const theirs = checkTallies(await ask(copy, asker, 'buckets', { table: name }))
  const differing = ours.buckets.flatMap((tally, i) => (isSame(showTally(tally), theirs[i]) ? [] : [i]))
  const buckets = differing.slice(0, BUCKETS_AT_ONCE)
  if (buckets.length === 0) throw new StemmaError('CANNOT_COMPARE', `${name} differed, and then no more`)
  const { rows: told, complete } = checkRows(await ask(copy, asker, 'rows', { table: name, buckets }))
  const leader = new Map(told.map(([key, row, json]) => [key, { row, json }]))
  const found: FoundRow[] = []
  const wanted = new Set(buckets)
  const seen = new Set<string>()
  await copy.walk(
    table,
    encoding,
    (hash, row) => {
      if (!wanted.has(bucketOf(hash))) return
      const key = showDigest(hash.key)
      seen.add(key)
      const other = leader.get(key)
      if (other?.row === showDigest(hash.row) || (other === undefined && !complete)) return
      found.push({ leader: other?.json, copy: showRow(table, row) })
    },
    new Slices(),
  )
  for (const [key, { json }] of leader) if (!seen.has(key)) found.push({ leader: json, copy: undefined })
  const [first] = found.toSorted((a, b) => compareText(a.leader ?? a.copy!, b.leader ?? b.copy!))
  if (first === undefined) return { name, what: 'its rows differ' }
  return { name, what: whatOf(first), ...first }
}

interface FoundRow {
  readonly leader: string | undefined
  readonly copy: string | undefined
}

function whatOf({ leader, copy }: FoundRow): string {
  if (leader === undefined) return 'the copy has a row that the leader has not'
  return copy === undefined ? 'the copy lacks a row' : 'a row of the copy is another'
}

/** By the first number, such as a rowid, else as text: people look for the first row. */
function compareText(a: string, b: string): number {
  const [x, y] = [a, b].map((text) => Number(/-?\d+/.exec(text)?.[0]))
  if (x !== undefined && y !== undefined && Number.isFinite(x) && Number.isFinite(y) && x !== y) return x - y
  return a < b ? -1 : Number(a > b)
}

async function ask(copy: CopyTables, asker: Asker, what: string, more: Readonly<Record<string, unknown>>): Promise<unknown> {
  const { cluster, position, digest } = copy.place
  const question = { ask: what, cluster, position, digest: showDigest(digest), encoding: copy.encoding, ...more }
  return await asker.ask(question)
}

function isSame(a: ToldTally, b: ToldTally | undefined): boolean {
  return a[0] === b?.[0] && a[1] === b[1]
}
