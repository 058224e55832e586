import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StemmaError } from '@stemma/base'
import type { Commit, CommitStatements } from '@stemma/log'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { follow, type Followed } from '../source/testing/follow.ts'
import { MemoryLog } from '../source/testing/memory-log.ts'
import { JournalMemory } from './journal-memory.ts'
import { openStatementJournal } from './open-journal.ts'
import { PlainRecorder } from './testing/plain-recorder.ts'

let folder: string
let path: string
let undo: (() => unknown)[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  path = join(folder, 'live.db')
  undo = []
})
afterEach(async () => {
  for (const each of undo.reverse()) await each()
  rmSync(folder, { recursive: true })
})

function connect(): Database.Database {
  const database = new Database(path)
  undo.push(() => database.close())
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF')
  return database
}

interface Scene {
  readonly ours: PlainRecorder
  readonly database: Database.Database
  readonly other: Database.Database
  readonly followed: Followed
  /** What each commit was told to be: its statements, or why they are unknown. */
  told(): Promise<string[]>
}

async function setUp(): Promise<Scene> {
  const database = connect()
  database.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, v)')
  const journal = new JournalMemory()
  const told: string[] = []
  const log = new MemoryLog()
  const followed = await follow(path, {
    log,
    views: ['statements'],
    statements: { journal, timeZone: 'UTC', mayWait: false },
    onCommit(commit) {
      told.push(show(commit))
      log.keep(commit as never)
    },
  })
  undo.push(() => followed.source.close())
  const ours = new PlainRecorder(database, openStatementJournal(path, journal))
  return {
    ours,
    database,
    other: connect(),
    followed,
    async told() {
      await followed.caughtUp()
      return told.splice(0)
    },
  }
}

function show(commit: Commit): string {
  let statements: CommitStatements
  try {
    statements = commit.statements()
  } catch (error) {
    if (StemmaError.is(error, 'STATEMENTS_UNKNOWN'))
      return (
        commit
          .rows()
          .tables.map(({ name }) => `rows of ${name}`)
          .join() || 'rows'
      )
    throw error
  }
  return statements.statements.map(({ sql, placed }) => [sql, ...placed].join(' | ')).join('; ')
}

test('a commit of the program has its statements, one of anybody else has not', async () => {
  const { ours, other, told } = await setUp()
  ours.run('INSERT INTO t (v) VALUES (?)', 'a')
  other.exec("INSERT INTO t (v) VALUES ('foreign')")
  ours.begin()
  ours.run('INSERT INTO t (v) VALUES (?)', 'b')
  ours.run('UPDATE t SET v = 7n WHERE id = ?'.replace('7n', '7'), 1n)
  ours.commit()
  expect(await told()).toEqual([
    'INSERT INTO t (v) VALUES (?) | a',
    'rows of t',
    'INSERT INTO t (v) VALUES (?) | b; UPDATE t SET v = 7 WHERE id = ? | 1',
  ])
})
