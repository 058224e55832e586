import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Commit } from '@stemma/log'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { follow, type Followed } from '../source/testing/follow.ts'
import { MemoryLog } from '../source/testing/memory-log.ts'
import type { SourceOptions } from '../source/source.ts'
import { isBusy } from '../sqlite/driver.ts'
import { JournalMemory, newJournalMemory } from './journal-memory.ts'
import { openWalMarks } from './open-journal.ts'
import { StatementJournal } from './statement-journal.ts'
import { CommitJudge } from './testing/commit-judge.ts'
import { PlainRecorder } from './testing/plain-recorder.ts'
import { SCHEMA, doWork, programOn, strangerOn, workArbitrary, type Work } from './testing/workload.ts'

let folder: string
let undo: (() => unknown)[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  undo = []
})
afterEach(async () => {
  await close()
  rmSync(folder, { recursive: true })
})

async function close(): Promise<void> {
  for (const each of undo.splice(0).reverse()) await each()
}

function connect(path: string): Database.Database {
  const database = new Database(path, { timeout: 0 })
  undo.push(() => database.close())
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0')
  return database
}

interface Scene {
  readonly database: Database.Database
  readonly ours: PlainRecorder
  readonly journal: StatementJournal
  /** The same program with a journal that has no past. */
  another(): PlainRecorder
  readonly other: Database.Database
  readonly followed: Followed
  readonly judge: CommitJudge
  /** Is called between any two things that `ours` and its journal do. */
  interrupt: () => void
  /** Milliseconds between two transactions, as the journal takes them. */
  hurry: number
  /** What has been told of each commit since the last call. */
  told(): Promise<string[]>
}

let scenes = 0

async function setUp({
  ringBytes = 1024 * 1024,
  ...options
}: Partial<SourceOptions> & { ringBytes?: number } = {}): Promise<Scene> {
  const path = join(folder, `live-${++scenes}.db`)
  const database = connect(path)
  database.exec(SCHEMA)
  return await followWith({ path, database, log: new MemoryLog(), judge: new CommitJudge(), ringBytes, options })
}

/** Goes on with a new journal, where a source was closed. */
async function followAgain({ database, judge, followed }: Scene): Promise<Scene> {
  const path = database.name
  return await followWith({ path, database, log: followed.log, judge, ringBytes: 1024 * 1024, options: {} })
}

async function followWith(parts: {
  readonly path: string
  readonly database: Database.Database
  readonly log: MemoryLog
  readonly judge: CommitJudge
  readonly ringBytes: number
  readonly options: Partial<SourceOptions>
}): Promise<Scene> {
  const { path, database, log, judge, options } = parts
  const shared = new JournalMemory(newJournalMemory(parts.ringBytes))
  const followed = await follow(path, {
    views: ['statements'],
    statements: { journal: shared, timeZone: 'UTC', mayWait: false },
    startLater: true,
    onCommit(commit: Commit) {
      judge.take(commit)
      log.keep(commit)
    },
    ...options,
    log,
  })
  judge.begin(followed.source)
  followed.source.start()
  undo.push(() => followed.source.close())
  const marks = openWalMarks(path)
  let now = 0
  const interrupt = (): void => scene.interrupt()
  const newJournal = (): StatementJournal =>
    new StatementJournal({
      shared,
      now: () => (now += scene.hurry),
      marks: {
        read(into) {
          interrupt()
          const isRead = marks.read(into)
          interrupt()
          return isRead
        },
      },
    })
  const journal = newJournal()
  const scene: Scene = {
    database,
    ours: new PlainRecorder(database, journal, interrupt),
    journal,
    another: () => new PlainRecorder(database, newJournal(), interrupt),
    interrupt: () => {},
    hurry: 1,
    other: connect(path),
    followed,
    judge,
    async told() {
      await followed.caughtUp()
      expect(judge.wrong).toEqual([])
      return judge.told.splice(0).map(({ tags, recovered }) => tags?.join() ?? (recovered ? 'recovered' : 'rows'))
    },
  }
  return scene
}

const INSERT = 'INSERT INTO t (who) VALUES (?)'

test('a commit of the program has its statements, one of anybody else has not', async () => {
  const { ours, other, told } = await setUp()
  ours.run(INSERT, 'a')
  other.prepare(INSERT).run('foreign')
  ours.begin()
  ours.run(INSERT, 'b')
  ours.run('UPDATE t SET who = ? WHERE id = 1', 'c')
  ours.commit()
  expect(await told()).toEqual(['a', 'rows', 'b,c'])
})

test('what wrote nothing takes no commit from others', async () => {
  const { ours, other, told } = await setUp()
  ours.run(INSERT, 'a')
  for (const who of ['b', 'c']) {
    ours.run('UPDATE t SET v = 1 WHERE who = ?', 'nobody')
    ours.run('UPDATE t SET v = v WHERE who = ?', 'a')
    other.prepare(INSERT).run(who)
  }
  ours.run(INSERT, 'd')
  expect(await told()).toEqual(['a', 'rows', 'rows', 'd'])
})

test('the WAL may begin anew at any time, and the first commit of all be the program’s', async () => {
  const { ours, other, database, told } = await setUp()
  ours.run(INSERT, 'a')
  expect(await told()).toEqual(['a'])
  for (const mode of ['RESTART', 'TRUNCATE', 'PASSIVE']) {
    database.pragma(`wal_checkpoint(${mode})`)
    ours.run(INSERT, mode)
    other.pragma(`wal_checkpoint(${mode})`)
    ours.run(INSERT, mode)
    expect(await told()).toEqual([mode, mode])
  }
})

test('statements that were judged by another schema are not told, and the program hears that there is one', async () => {
  const { ours, other, journal, told } = await setUp()
  ours.run(INSERT, 'a')
  expect(await told()).toEqual(['a'])
  other.exec('ALTER TABLE w ADD COLUMN x')
  ours.run(INSERT, 'b')
  expect(await told()).toEqual(['rows', 'rows'])
  ours.run(INSERT, 'c')
  ours.run('CREATE TABLE u (a)')
  ours.run('INSERT INTO u VALUES (?)', 'd')
  expect(await told()).toEqual(['c', '', 'd'])
  expect(journal.takeSchemaNews()).toBe(undefined)
})

test('a DDL statement of the program that is taken back leaves its schema as it was', async () => {
  const { ours, told } = await setUp()
  ours.begin()
  ours.run(INSERT, 'a')
  ours.savepoint()
  ours.run('CREATE TABLE u (a)')
  ours.rollbackTo()
  ours.commit()
  ours.begin()
  ours.run('CREATE TABLE u (a)')
  ours.rollback()
  ours.run(INSERT, 'b')
  expect(await told()).toEqual(['a', 'b'])
})

test('when the ring is full commits travel as rows, and then as statements again', async () => {
  const { ours, journal, told } = await setUp({ ringBytes: 4096 })
  for (let i = 0; i < 100; i++) ours.run(INSERT, 'x'.repeat(300))
  expect(journal.droppedForRoom).toBeGreaterThan(50)
  const first = await told()
  expect(first.length).toBe(100)
  expect(first.filter((each) => each === 'rows').length).toBe(journal.droppedForRoom)
  ours.run(INSERT, 'b')
  expect(await told()).toEqual(['b'])
})

test('a transaction that is too large for the ring travels as rows', async () => {
  const { ours, told } = await setUp({ ringBytes: 4096 })
  ours.run(INSERT, 'x'.repeat(5000))
  ours.run(INSERT, 'b')
  expect(await told()).toEqual(['rows', 'b'])
})

test('a commit too large to be held has statements all the same', async () => {
  const seen: [boolean, number][] = []
  const { ours, followed } = await setUp({
    commitBytesMax: 20_000,
    onCommit: (commit) => seen.push([commit.oversized, commit.statements().statements.length]),
  })
  ours.run(INSERT, 'a')
  ours.run('UPDATE t SET v = zeroblob(100000)')
  await followed.caughtUp()
  expect(seen).toEqual([
    [false, 1],
    [true, 1],
  ])
})

test('what was written while nobody followed is told as rows, and what comes then as statements', async () => {
  const first = await setUp()
  first.ours.run(INSERT, 'a')
  expect(await first.told()).toEqual(['a'])
  await first.followed.source.close()
  // The text of these waits in a journal that is gone with its process.
  for (const who of ['b', 'c']) first.ours.run(INSERT, who)
  const second = await followAgain(first)
  second.ours.run(INSERT, 'd')
  expect(await second.told()).toEqual(['rows', 'rows', 'd'])
})

test('a gap becomes one commit without text, and the next commits have theirs', async () => {
  const first = await setUp()
  first.ours.run(INSERT, 'a')
  expect(await first.told()).toEqual(['a'])
  await first.followed.source.close()
  for (const who of ['b', 'c']) {
    first.ours.run(INSERT, who)
    first.database.pragma('wal_checkpoint(TRUNCATE)')
  }
  const second = await followAgain(first)
  second.ours.run(INSERT, 'd')
  expect(await second.told()).toEqual(['recovered', 'd'])
})

test('others may commit at any two moments between what a program does', { timeout: 60_000 }, async () => {
  const scene = await setUp()
  const { other, judge, told } = scene
  const write = strangerOn(other)
  // The journal goes by its last look as long as it can.
  scene.hurry = 0
  let moment = 0
  const run = (first: number, second: number): void => {
    scene.interrupt = () => {}
    const ours = scene.another()
    moment = 0
    scene.interrupt = () => {
      moment++
      if (moment === first || moment === second) tryTo(() => write.run(INSERT, `other.${first}.${moment}`))
    }
    const who = `ours.${first}.${second}`
    const work = [
      () => ours.run('UPDATE t SET v = v WHERE who <> ?', who),
      () => ours.run('UPDATE t SET v = 1 WHERE who = ? AND 0', who),
      () => ours.run(INSERT, who),
      () => doWork(scene.database, programOn(ours), { kind: 'transaction', n: 0 }, who),
      () => ours.run('UPDATE t SET v = ? WHERE who LIKE ?', who, '%.v%'),
    ]
    for (const each of work) tryTo(each)
    if (scene.database.inTransaction) ours.rollback()
  }
  run(0, 0)
  const moments = moment
  let statements = 0
  for (let first = 1; first <= moments; first++) {
    // What is further apart has nothing to do with each other.
    for (let second = first; second <= Math.min(moments, first + 10); second++) run(first, second)
    statements += (await told()).filter((each) => each !== 'rows').length
    other.exec('DELETE FROM t WHERE id % 10 <> 1')
  }
  expect(moments).toBeGreaterThan(30)
  expect(statements).toBeGreaterThan(moments * 5)
  expect(judge.wrong).toEqual([])
})

/** What somebody else does at a moment between two things that a program does. */
const INTERLUDES: readonly Work[] = [
  { kind: 'insert', n: 1 },
  { kind: 'transaction', n: 2 },
  { kind: 'same', n: 3 },
  { kind: 'checkpoint', n: 1 },
  { kind: 'alter', n: 1 },
]

test('whatever is done in whatever order, text comes with the very commit that it made', { timeout: 120_000 }, async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
  console.info(`seed ${seed}`)
  const step = fc.record({ by: fc.constantFrom('ours', 'ours', 'other', 'look'), work: workArbitrary })
  const options = fc.record({
    steps: fc.array(step, { minLength: 20, maxLength: 60 }),
    readAtOnceFrames: fc.constantFrom(0, 256),
    softWalBytes: fc.constantFrom(60_000, 16 * 1024 * 1024),
    ringBytes: fc.constantFrom(2048, 1024 * 1024),
    hurry: fc.constantFrom(0, 1),
    // Steps of the program, and others' doings between them.
    quiet: fc.integer({ min: 3, max: 200 }),
  })
  const sum = { commits: 0, told: 0 }
  await fc.assert(
    fc.asyncProperty(options, async ({ steps, hurry, quiet, ...rest }) => {
      const scene = await setUp(rest)
      const { database, ours, other, followed, judge } = scene
      const [program, stranger] = [programOn(ours), strangerOn(other)]
      scene.hurry = hurry
      let moments = 0
      scene.interrupt = () => {
        if (++moments % quiet === 0) tryTo(() => doWork(other, stranger, INTERLUDES[(moments / quiet) % 5]!, `other.${moments}.`))
      }
      for (const [i, { by, work }] of steps.entries()) {
        if (by === 'look') await followed.caughtUp()
        else if (by === 'ours') tryTo(() => doWork(database, program, work, `ours${i}`))
        else doWork(other, stranger, work, `other${i}`)
      }
      await followed.caughtUp()
      expect(judge.wrong).toEqual([])
      expect(followed.events.filter(({ kind }) => kind === 'failed')).toEqual([])
      sum.commits += judge.told.length
      sum.told += judge.told.filter(({ tags }) => tags !== undefined).length
      await close()
    }),
    { seed, numRuns: 30 },
  )
  console.info(`${sum.told} of ${sum.commits} commits were told as statements`)
  expect(sum.told).toBeGreaterThan(sum.commits / 4)
})

/** Somebody else may hold the write lock. */
function tryTo(work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!isBusy(error)) throw error
  }
}
