import { join } from 'node:path'
import Database from 'better-sqlite3'
import {
  EXTRAS,
  INDEXES,
  ONLY_HERE,
  TABLES,
  compareContents,
  newScript,
  onceIn,
  pragmasOf,
  randomStatement,
  runStep,
  type Dice,
} from 'fuzz'
import { expect, onTestFinished, test } from 'vitest'
import { openFollower, openLeader, readLog, type Follower, type FollowerEvent, type Leader } from '../../src/index.ts'
import { newDice, printSeed, times } from './support/dice.ts'
import { makeDatabase, newFolder } from './support/folder.ts'
import { PROGRAM_SCHEMA, attempt, defineFunctions, nextAct } from './support/statement-program.ts'

const SEED = printSeed('statements')
const ROUNDS = 4
const ACTS = 25
const ZONES = ['America/New_York', 'Asia/Kolkata', 'Pacific/Auckland', 'UTC']

// Programs of statements, safe and unsafe, on a leader's database, and a copy that has other indexes, another time zone, other dice, a later clock and a
// new connection each time it comes back.

test.each(
  Array.from({ length: times(4, 300) }, (_, n) => ({
    seed: SEED + n,
    policy: n % 2 === 0 ? ('mixed' as const) : ('record' as const),
  })),
)(
  '$policy: a copy that runs statements again is equal in the end, seed $seed',
  { timeout: 120_000 },
  async ({ seed, policy }) => {
    const { play, entries } = await openProgram(seed, policy)
    for (let round = 0; round < ROUNDS; round++) expect(await play(), `SEED ${seed}, round ${round}`).toBeUndefined()
    expect((await entries()).filter((summary) => !summary.startsWith('as rows')).length).toBeGreaterThan(5)
  },
)

test.each(
  Array.from({ length: times(2, 100) }, (_, n) => ({
    seed: SEED + n,
    policy: n % 2 === 0 ? ('mixed' as const) : ('record' as const),
  })),
)('$policy: schemas by chance, with all that SQLite knows, seed $seed', { timeout: 120_000 }, async ({ seed, policy }) => {
  const script = newScript(seed, { statements: 120 })
  const folder = newFolder()
  const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
  makeDatabase(app, '', pragmasOf(script.layout))
  const leader = await openLeader({ database: app, formats: ['statement'], statements: { policy }, thread: 'same' })
  onTestFinished(() => leader.close())
  await (await follow(leader, copy)).close()
  for (const [step, sql] of script.statements.entries()) {
    runStep(leader.database, sql)
    const isLast = step === script.statements.length - 1
    if (isLast && leader.database.inTransaction) leader.database.exec('ROLLBACK')
    if (leader.database.inTransaction || (step % 20 !== 0 && !isLast)) continue
    await (await follow(leader, copy)).close()
    expect(differenceOf(app, copy), `SEED ${seed}, step ${step}: ${sql}`).toBeUndefined()
  }
})

// That nothing differs proves something only if it would differ otherwise.
test('raw: the same programs leave most copies different, or stop them', { timeout: 120_000 }, async () => {
  const found: unknown[] = []
  for (let n = 0; n < 4; n++) {
    const { play } = await openProgram(SEED + n, 'raw')
    found.push(await play().catch((error: unknown) => (error as Error).message))
  }
  expect(found.filter((each) => each !== undefined).length, JSON.stringify(found)).toBeGreaterThan(1)
})

test('record: a function that is declared recordable and was not called need not be there', async () => {
  const folder = newFolder()
  const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
  makeDatabase(
    app,
    'CREATE TABLE t(a); CREATE TABLE l(a); CREATE TRIGGER g AFTER INSERT ON t WHEN NEW.a > 5 BEGIN INSERT INTO l VALUES(draw()); END',
  )
  const statements = { policy: 'record', recordable: ['draw'] } as const
  const leader = await openLeader({ database: app, formats: ['statement'], statements, thread: 'same' })
  onTestFinished(() => leader.close())
  defineFunctions(leader.database)
  await (await follow(leader, copy)).close()
  leader.database.exec(
    'INSERT INTO t VALUES(1); INSERT INTO t VALUES(iif(random() IS NULL, draw(), 2)); INSERT INTO t VALUES(iif(1, 3, draw()))',
  )
  await (await follow(leader, copy)).close()
  expect(differenceOf(app, copy)).toBeUndefined()
  const entries = await readLog({ database: app, format: 'statement', limit: 3 })
  expect(entries.filter(({ summary }) => summary.startsWith('as rows'))).toEqual([])
})

interface Program {
  /** Runs a part of the program and lets the copy catch up. Gives the first difference; undefined when there is none. */
  play(): Promise<string | undefined>
  /** One line for each entry of the log. */
  entries(): Promise<string[]>
}

async function openProgram(seed: number, policy: 'raw' | 'mixed' | 'record'): Promise<Program> {
  const dice = newDice(seed)
  const folder = newFolder()
  const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
  const zone = process.env['TZ']
  onTestFinished(() => {
    if (zone === undefined) delete process.env['TZ']
    else process.env['TZ'] = zone
  })
  makeDatabase(app, [...TABLES.map(({ sql }) => sql), ...EXTRAS, PROGRAM_SCHEMA].join(';'))
  const leader = await openLeader({
    database: app,
    formats: ['statement'],
    statements: { policy, recordable: ['draw'] },
    thread: onceIn(dice, 2) ? 'same' : 'worker',
  })
  onTestFinished(() => leader.close())
  const { database } = leader
  defineFunctions(database)
  for (let i = 0; i < 60; i++) attempt(database, () => void database.exec(randomStatement(dice)))
  await (await follow(leader, copy)).close()
  makeIndexes(copy, dice)
  let step = 0
  return {
    async play() {
      process.env['TZ'] = ZONES[dice(ZONES.length)]
      for (let i = 0; i < ACTS; i++) {
        if (onceIn(dice, 10)) writeElsewhere(app)
        attempt(database, nextAct(dice, step++))
        if (database.inTransaction) database.exec('ROLLBACK')
      }
      process.env['TZ'] = ZONES[dice(ZONES.length)]
      await (await follow(leader, copy)).close()
      return differenceOf(app, copy)
    },
    entries: async () => (await readLog({ database: app, format: 'statement', limit: 10_000 })).map(({ summary }) => summary),
  }
}

async function follow(leader: Leader, database: string): Promise<Follower> {
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {})
  const onEvent = (event: FollowerEvent): void => {
    if (event.kind === 'failed' || event.kind === 'resync' || event.kind === 'warning') failed.reject(event.error)
  }
  const follower = await openFollower({ url: leader.url, database, format: 'statement', thread: 'same', onEvent })
  onTestFinished(() => follower.close())
  await Promise.race([leader.waitFor({ level: 'applied', timeoutMs: 60_000 }), failed.promise])
  return follower
}

/** Gives a copy indexes that its leader has not, by which rows are found in another order. */
function makeIndexes(path: string, dice: Dice): void {
  const database = new Database(path)
  const more = [
    'CREATE INDEX i_1 ON plain(v, id DESC)',
    'CREATE INDEX i_2 ON kid(n DESC, parent)',
    'CREATE INDEX i_3 ON pile(v DESC)',
  ]
  for (const sql of [...INDEXES, ...more]) if (onceIn(dice, 2)) database.exec(sql.replace('INDEX i', `INDEX ${ONLY_HERE}`))
  database.close()
}

/** Another program writes as well, whose statements nobody knows. */
function writeElsewhere(path: string): void {
  const database = new Database(path)
  attempt(database, () => void database.exec('INSERT INTO plain(v) VALUES(random())'))
  database.close()
}

function differenceOf(app: string, copy: string): string | undefined {
  const [ours, theirs] = [app, copy].map((path) => new Database(path, { readonly: true })) as [
    Database.Database,
    Database.Database,
  ]
  try {
    compareContents(ours, theirs)
    return undefined
  } catch (error) {
    return (error as Error).message
  } finally {
    ours.close()
    theirs.close()
  }
}
