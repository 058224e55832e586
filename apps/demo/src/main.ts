import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import Database from 'better-sqlite3'
import { type Leader, openLeader, verifyCopy } from 'stemma'
import { dumpDatabase } from './dump.ts'
import { type FollowerProcess, startFollower } from './follower.ts'
import { type Load, startLoad } from './load.ts'
import { newForeignWorkload, newShopWorkload, openShop } from './shop.ts'
import { type Stage, openStage } from './stage.ts'

const HELP = `Usage: pnpm demo [--once] [--database FILE] [--rate N] [--scene MS]

A leader under load, and two followers in processes of their own: one by pages, which is killed and comes back, and one by rows. Then the proof
that all are equal.

  --once           one round, without waiting for anybody; the last line is one of JSON
  --database FILE  use a copy of this database instead of a small shop; the file itself is only read
  --rate N         transactions a second (2000)
  --scene MS       for how long each scene is watched (1500)`

const RATE = 2_000

/** For how long a scene is watched, in milliseconds. */
const SCENE_MS = 1_500

const { values: flags } = parseArgs({
  options: {
    once: { type: 'boolean', default: false },
    database: { type: 'string' },
    rate: { type: 'string', default: String(RATE) },
    scene: { type: 'string', default: String(SCENE_MS) },
    help: { type: 'boolean', default: false },
  },
})

if (flags.help) {
  console.log(HELP)
} else {
  process.exitCode = (await play()) ? 0 : 1
}

/** Plays the demo in a temp folder; true when both databases came out equal. */
async function play(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-demo-'))
  const end = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', end)
  process.once('SIGINT', () => process.exit(130))
  const stage = openStage(process.stdout)
  const path = join(folder, 'shop.db')
  const copies = { copy: join(folder, 'copy.db'), rowCopy: join(folder, 'rows.db') }
  await makeDatabase(path, flags.database)

  stage.title('A database, and a leader that ships its WAL, and its rows')
  await using leader = await openLeader({ database: path, formats: ['wal', 'row'] })
  const work = flags.database === undefined ? newShopWorkload(leader.database) : newForeignWorkload(leader.database)
  stage.say(`${path}\nserved at ${leader.url}, while this process writes ${flags.rate} transactions a second`)

  let equal: boolean
  do {
    equal = await playRound({ stage, leader, load: startLoad(work, Number(flags.rate)), ...copies })
    if (flags.once || process.stdin.isTTY !== true) break
  } while (await askForMore())
  return equal
}

interface Round {
  readonly stage: Stage
  readonly leader: Leader
  readonly load: Load
  readonly copy: string
  readonly rowCopy: string
}

async function playRound({ stage, leader, load, copy, rowCopy }: Round): Promise<boolean> {
  stage.title('A follower, in a process of its own')
  let follower = startFollower(leader.url, copy, 'wal')
  const byRows = startFollower(leader.url, rowCopy, 'row')
  await Promise.all([follower.open, byRows.open])
  stage.say(`process ${follower.pid}: took a snapshot of ${mebibytes(follower.snapshotBytes)} while the leader went on writing`)
  stage.say(`process ${byRows.pid}: another, which follows by rows`)
  const lastSeen = await watch(stage, leader)

  stage.title('kill -9')
  await follower.kill()
  stage.say(`the follower is gone at commit ${count(lastSeen)} or so; the leader does not care`)
  await watch(stage, leader, lastSeen)

  stage.title('It comes back')
  const backAt = performance.now()
  follower = startFollower(leader.url, copy, 'wal')
  await follower.open
  const tookMs = Math.round(performance.now() - backAt)
  const how = follower.snapshotBytes === 0 ? 'went on where it was, by the log' : 'took over the pages that differ'
  stage.say(`${how}: caught up ${tookMs} ms after it was started`)
  await watch(stage, leader)

  stage.title('The proof')
  load.stop()
  const proof = await prove({ leader, follower, copy, rowCopy })
  await Promise.all([follower.close(), byRows.close()])
  for (const [what, [mine, theirs]] of Object.entries(proof.compared)) {
    stage.say(`${what.padEnd(30)}${mine === theirs ? 'equal' : 'DIFFERENT'}   ${mine}${mine === theirs ? '' : ` and ${theirs}`}`)
  }
  stage.say(`${'integrity_check of the copy'.padEnd(30)}${proof.integrity}`)
  stage.say(
    `${'longest transaction'.padEnd(30)}${load.slowestMs.toFixed(1)} ms, of ${count(load.commits)} (some change nothing, and are no commits)`,
  )
  stage.end()
  const equal = proof.integrity === 'ok' && Object.values(proof.compared).every(([mine, theirs]) => mine === theirs)
  console.log(
    JSON.stringify({
      equal,
      commits: proof.position,
      digest: proof.digest,
      rows: proof.rows,
      kills: 1,
      resumedMs: tookMs,
    }),
  )
  return equal
}

interface Proof {
  readonly position: number
  readonly digest: string
  readonly rows: number
  readonly integrity: string
  /** What was compared: the leader's and the copy's. */
  readonly compared: Readonly<Record<string, readonly [string, string]>>
}

interface ToProve {
  readonly leader: Leader
  readonly follower: FollowerProcess
  readonly copy: string
  readonly rowCopy: string
}

/** Compares leader and copies in every way that we know: by their own word, and by reading all of both by SQL. */
async function prove({ leader, follower, copy, rowCopy }: ToProve): Promise<Proof> {
  await leader.waitFor({ followers: 2, level: 'applied', timeoutMs: 30_000 })
  const mine = await leader.status()
  const theirs = await follower.status()
  const verified = await verifyCopy({ leader: leader.url, database: rowCopy })
  const [reader, rowReader] = [copy, rowCopy].map((path) => new Database(path, { readonly: true })) as [
    Database.Database,
    Database.Database,
  ]
  try {
    const ours = dumpDatabase(leader.database)
    const copied = dumpDatabase(reader)
    const position = mine.position?.sequence ?? 0
    return {
      position,
      digest: mine.digest ?? '',
      rows: ours.rows,
      integrity: String(reader.pragma('integrity_check', { simple: true })),
      compared: {
        'commit reached': [count(position), count(theirs.sequence)],
        'digest of all pages': [mine.digest ?? '', theirs.digest],
        rows: [count(ours.rows), count(copied.rows)],
        'SHA-256 of every row': [ours.sha256.slice(0, 32), copied.sha256.slice(0, 32)],
        'the same of the copy by rows': [ours.sha256.slice(0, 32), dumpDatabase(rowReader).sha256.slice(0, 32)],
        'stemma verify of it': ['same', verified.kind],
      },
    }
  } finally {
    reader.close()
    rowReader.close()
  }
}

/**
 * Shows for a moment where leader and copy stand, as the leader knows by the copy's acks.
 *
 * @param lastSeen - where the copy was when it was last heard from
 * @returns where the copy is now
 */
async function watch(stage: Stage, leader: Leader, lastSeen = 0): Promise<number> {
  let copy = lastSeen
  const until = performance.now() + Number(flags.scene)
  while (performance.now() < until) {
    const { position, followers } = await leader.status()
    const tip = position?.sequence ?? 0
    copy = Math.max(copy, followers?.find(({ format }) => format === 'wal')?.applied?.sequence ?? 0)
    const lag = tip === copy ? 'caught up' : `${count(tip - copy)} behind`
    stage.live(`leader at commit ${count(tip)}   copy at ${count(copy)}   ${lag}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  stage.keep()
  return copy
}

/** Makes the leader's database: a small shop, or a copy of one that exists. */
async function makeDatabase(path: string, original: string | undefined): Promise<void> {
  if (original !== undefined) {
    if (!existsSync(original)) throw new Error(`there is no file ${original}`)
    const source = new Database(original, { readonly: true })
    await source.backup(path)
    source.close()
  }
  const database = new Database(path)
  database.pragma('journal_mode = WAL')
  if (original === undefined) openShop(database)
  database.close()
}

async function askForMore(): Promise<boolean> {
  const ask = createInterface({ input: process.stdin, output: process.stdout })
  const answer = await ask.question('\nEnter plays it again, q ends it. ')
  ask.close()
  return !answer.trim().toLowerCase().startsWith('q')
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`
}

function count(number: number): string {
  return number.toLocaleString('en')
}
