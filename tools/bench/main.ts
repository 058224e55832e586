import { parseArgs } from 'node:util'
import { Bench, EFFORT, type Effort } from './bench.ts'
import { measureCatchUp, measureSnapshot } from './groups/catch-up.ts'
import { measureLag, measureWire } from './groups/lag.ts'
import { measureRows } from './groups/rows.ts'
import { measureIdle, measureSize } from './groups/size.ts'
import { measureStatements } from './groups/statements.ts'
import { measureWrites } from './groups/write.ts'
import { isReached, toJson, toLine, type Row } from './result.ts'

const HELP = `pnpm bench [NAME...] [--json] [--large] [--runs N] [--seconds S]

Measures Stemma beside plain SQLite, in turns, and prints medians. A NAME is the beginning of rows' names:
  write      the leader's write rate, its longest transactions, WAL and CPU time: write.insert.own.rate and so on
  catch-up   a follower that was away       lag     from the commit to a reader of the copy
  wire       bytes on the network           snapshot  against cp
  rows       the logical log: rows.write, rows.decode, rows.catch-up, rows.wire, rows.memory
  statements the log of statements: statements.write, .catch-up, .bytes, .classify, .apply
  idle       a leader without work          size    a database of 1 GB against a small one (with --large, or by name)`

/** Runs what the arguments ask for; gives the exit code: 1 when a goal was missed, 2 when nothing has such a name. */
export async function main(args: readonly string[], print: (line: string) => void, effort: Effort = EFFORT): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: 'boolean' },
      large: { type: 'boolean' },
      help: { type: 'boolean' },
      runs: { type: 'string' },
      seconds: { type: 'string' },
    },
  })
  if (values.help === true) {
    print(HELP)
    return 0
  }
  const bench = new Bench(
    { ...effort, runs: Number(values.runs ?? effort.runs), seconds: Number(values.seconds ?? effort.seconds) },
    positionals,
  )
  let isGood = true
  let told = 0
  const tell = (row: Row): void => {
    if (!bench.shows(row)) return
    told++
    isGood &&= isReached(row)
    print(values.json === true ? toJson(row) : toLine(row))
  }
  const stop = (): void => {
    bench.close()
    process.exit(130)
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    for await (const row of measureWrites(bench)) tell(row)
    for await (const row of measureCatchUp(bench)) tell(row)
    for await (const row of measureSnapshot(bench)) tell(row)
    for await (const row of measureLag(bench)) tell(row)
    for await (const row of measureWire(bench)) tell(row)
    for await (const row of measureRows(bench)) tell(row)
    for await (const row of measureStatements(bench)) tell(row)
    for await (const row of measureIdle(bench)) tell(row)
    if (values.large === true || positionals.length > 0) for await (const row of measureSize(bench)) tell(row)
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
    bench.close()
  }
  if (told === 0) {
    print(`nothing is named ${positionals.join(', ')}\n\n${HELP}`)
    return 2
  }
  return isGood ? 0 : 1
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2), (line) => process.stdout.write(`${line}\n`))
