import { parseArgs } from 'node:util'
import { fuzzOne, showFinding } from './fuzz.ts'
import { judgeChangeset } from './judge-changeset.ts'
import { judgeDiffer } from './judge-differ.ts'
import { judgeReplica } from './judge-replica.ts'
import { closeSessions, judgeSession } from './judge-session.ts'
import type { Judge } from './judge.ts'

const HELP = `pnpm fuzz [--minutes N] [--seed S] [--seeds N] [--statements N] [--judge NAME] [--keep-going]

Makes up databases and what an application does to them, and looks whether rows decoded from pages are what SQLite says they are.
  --minutes N      so long; 1 by default
  --seed S         the first seed; a new one by default. Each script has one of its own
  --seeds N        so many scripts, however long it takes
  --statements N   steps of a script; 150 by default
  --judge NAME     only this one: differ (pages before and after each commit, in memory), session (the same beside
                   node:sqlite's sessions), changeset (commits as changesets that node:sqlite applies), replica (from the WAL to a logical copy)
  --keep-going     goes on after a finding`

const JUDGES: Readonly<Record<string, Judge>> = {
  differ: judgeDiffer,
  session: judgeSession,
  changeset: judgeChangeset,
  replica: judgeReplica,
}

/** Runs what the arguments ask for; gives the exit code: 1 when something was found. */
export async function main(args: readonly string[], print: (line: string) => void): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string' },
      seed: { type: 'string' },
      seeds: { type: 'string' },
      statements: { type: 'string' },
      judge: { type: 'string' },
      'keep-going': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  })
  const names = Object.keys(JUDGES).filter((name) => values.judge === undefined || values.judge === name)
  if (values.help === true || names.length === 0) {
    print(HELP)
    return values.help === true ? 0 : 2
  }
  const judges = Object.fromEntries(names.map((name) => [name, JUDGES[name]!]))
  const first = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
  const count =
    values.seeds === undefined ? (values.seed !== undefined && values.minutes === undefined ? 1 : Infinity) : Number(values.seeds)
  const end = count === Infinity ? performance.now() + Number(values.minutes ?? 1) * 60_000 : Infinity
  const statements = Number(values.statements ?? 150)
  print(`seed ${first}, ${statements} statements, judged by ${names.join(', ')}`)
  let found = 0
  let done = 0
  for (; done < count && performance.now() < end; done++) {
    const finding = await fuzzOne(first + done, { judges, statements })
    if (finding === undefined) continue
    found++
    print(showFinding(finding))
    if (values['keep-going'] !== true) break
  }
  closeSessions()
  print(`${done} scripts, ${found === 0 ? 'nothing found' : `${found} found`}`)
  return found === 0 ? 0 : 1
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2), (line) => process.stdout.write(`${line}\n`))
