import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Commit } from '@stemma/log'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { follow } from '../source/testing/follow.ts'
import { MemoryLog } from '../source/testing/memory-log.ts'
import { JournalMemory } from './journal-memory.ts'
import { CommitJudge } from './testing/commit-judge.ts'
import { SCHEMA } from './testing/workload.ts'
import type { WritingThreadData } from './testing/writing-thread.ts'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'stemma-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const PROCESS = fileURLToPath(new URL('./testing/writing-process.ts', import.meta.url))
const THREAD = new URL('./testing/writing-thread.ts', import.meta.url)

/** `others` write in processes of their own; one of them is killed in the middle, and another takes its place. */
test.each<[string, { others: number; count: number; toldAtLeast: number }]>([
  ['one program alone', { others: 0, count: 400, toldAtLeast: 0.9 }],
  ['a program beside two others', { others: 2, count: 200, toldAtLeast: 0.05 }],
])('%s: text comes with the very commit that it made', { timeout: 180_000 }, async (_, { others, count, toldAtLeast }) => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
  console.info(`seed ${seed}`)
  const path = join(folder, 'live.db')
  const database = new Database(path)
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; ${SCHEMA}`)
  const journal = new JournalMemory()
  const judge = new CommitJudge()
  const log = new MemoryLog()
  const followed = await follow(path, {
    log,
    views: ['statements'],
    statements: { journal, timeZone: 'UTC', mayWait: true },
    softWalBytes: 100_000,
    startLater: true,
    onCommit(commit: Commit) {
      judge.take(commit)
      log.keep(commit)
    },
  })
  judge.begin(followed.source)
  followed.source.start()

  const startOther = (i: number): ChildProcess =>
    spawn(process.execPath, [PROCESS, path, `other${i}.`, `${seed + i}`, `${count}`], { stdio: ['ignore', 'ignore', 'inherit'] })
  const processes = Array.from({ length: others }, (_each, i) => startOther(i + 1))
  const data: WritingThreadData = { path, memory: journal.memory, who: 'ours.', seed, count }
  const thread = new Worker(THREAD, { workerData: data, trackUnmanagedFds: false })
  const ends = [once(thread, 'exit'), ...processes.map((each) => once(each, 'exit'))]
  let isOver = false
  let isKilled = others === 0
  const all = async (): Promise<void> => {
    for (let i = 0; i < ends.length; i++) await ends[i]
    isOver = true
  }
  const over = all()
  while (!isOver) {
    followed.source.wake()
    await new Promise((resolve) => setImmediate(resolve))
    if (!isKilled && judge.told.length > 100) {
      isKilled = true
      processes[0]!.kill('SIGKILL')
      const next = startOther(others + 1)
      ends.push(once(next, 'exit'))
    }
  }
  await over
  await followed.caughtUp()
  const failures = followed.events.filter(({ kind }) => kind === 'failed')
  const told = judge.told.filter(({ tags }) => tags !== undefined).length
  console.info(`${judge.told.length} commits, ${told} of them told as statements`, followed.source.stats())
  await followed.source.close()
  database.close()
  expect(judge.wrong).toEqual([])
  expect(failures).toEqual([])
  expect(told).toBeGreaterThan(judge.told.length * toldAtLeast)
})
