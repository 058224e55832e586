import { StemmaError } from '@stemma/base'
import { expect, test } from 'vitest'
import { RowDiffer, type DatabaseChange, type Pages, type SchemaRow, type TreeShape } from '../../src/index.ts'
import { LiveDatabase } from './live-database.ts'
import { Dice, Workload } from './workload.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
process.stdout.write(`seed ${SEED}\n`)

const shapeOf = (row: SchemaRow): TreeShape =>
  (row.sql ?? '').includes('WITHOUT ROWID') ? { content: 'keyed-rows', keyCount: 1 } : { content: 'rows', keyCount: 0 }

test(`a commit with damaged pages is told, or refused with a StemmaError: never anything else (seed ${SEED})`, () => {
  const dice = new Dice(SEED)
  let refused = 0
  for (let database = 0; database < 10; database++) {
    const workload = new Workload(dice)
    using live = new LiveDatabase(workload.setup)
    for (let step = 0; step < 40; step++) {
      const base = live.pages()
      for (const change of commitsOf(live, workload.next())) refused += tell(base, damaged(change, dice))
    }
  }
  expect(refused).toBeGreaterThan(20)
}, 120_000)

function commitsOf(live: LiveDatabase, sql: string): DatabaseChange[] {
  try {
    live.db.exec(sql)
  } catch {
    // What SQLite refuses is undone.
    if (live.db.inTransaction) live.db.exec('ROLLBACK')
  }
  return live.commits()
}

/** 1 when it was refused, 0 when not. */
function tell(base: Pages, change: DatabaseChange): number {
  try {
    const differ = new RowDiffer({ pages: base, shapeOf })
    for (const tree of differ.step(change).trees) Array.from(tree.rows())
    return 0
  } catch (error) {
    if (StemmaError.is(error, 'DAMAGED_FILE') || StemmaError.is(error, 'ROWS_UNKNOWN') || StemmaError.is(error, 'NOT_A_DATABASE'))
      return 1
    throw error
  }
}

/** The same change with some bytes of the pages after it, and sometimes of those before it, changed. */
function damaged({ before, after, written }: DatabaseChange, dice: Dice): DatabaseChange {
  const flips = Array.from({ length: 1 + dice.below(8) }, () => ({
    page: dice.chance(70) && written.length > 0 ? dice.pick(written) : 1 + dice.below(after.pageCount),
    at: dice.below(dice.chance(50) ? 60 : after.pageSize),
    byte: dice.chance(30) ? 0xff : dice.below(256),
    isBefore: dice.chance(30),
  }))
  const damage = (pages: Pages, isBefore: boolean): Pages => ({
    ...pages,
    read: (pageNumber) => {
      const bytes = pages.read(pageNumber).slice()
      for (const flip of flips) if (flip.page === pageNumber && (!isBefore || flip.isBefore)) bytes[flip.at] = flip.byte
      return bytes
    },
  })
  return { before: damage(before, true), after: damage(after, false), written }
}
