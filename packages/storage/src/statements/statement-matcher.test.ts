import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { StemmaError, type Milliseconds } from '@stemma/base'
import type { CommitStatements, PageChange } from '@stemma/log'
import { expect, test } from 'vitest'
import { JournalMemory } from './journal-memory.ts'
import { StatementJournal } from './statement-journal.ts'
import { StatementMatcher, type StatementsOptions } from './statement-matcher.ts'
import { logged } from './testing/plain-recorder.ts'
import type { WalMark } from './wal-mark.ts'

/** A program whose every transaction is one frame of the WAL, and the engine that looks at it. */
class Scene {
  readonly shared = new JournalMemory()
  readonly wal: WalMark = { salt1: 1, salt2: 2, frame: 0, commits: 0 }
  readonly journal: StatementJournal
  readonly matcher: StatementMatcher
  #seen = 0

  constructor(options: Partial<StatementsOptions> = {}) {
    this.journal = new StatementJournal({
      shared: this.shared,
      marks: {
        read: (into) => {
          Object.assign(into, this.wal)
          return true
        },
      },
    })
    this.matcher = new StatementMatcher({ journal: this.shared, timeZone: 'Europe/Berlin', mayWait: false, ...options })
    this.matcher.begin(pageOne(5))
  }

  write(sql: string, schemaVersion = 5): void {
    this.journal.begin(schemaVersion, true)
    this.wal.frame++
    this.wal.commits++
    this.journal.add(logged(sql))
    this.journal.committed(() => true)
  }

  /** Looks at the next commit. */
  see(schemaAfter?: number): CommitStatements | string {
    const before = this.#seen++
    const tell = this.matcher.step({
      position: { epoch: 1, sequence: before + 1 },
      frames: { salt1: 1, salt2: 2, before, last: before + 1 },
      isUrgent: false,
      changed: schemaAfter === undefined ? [] : [firstPage(schemaAfter)],
    })
    try {
      return tell()
    } catch (error) {
      if (!StemmaError.is(error, 'STATEMENTS_UNKNOWN')) throw error
      // Who asks twice is told the same.
      expect(tell).toThrow(error)
      return String(error.details['why'])
    }
  }
}

function pageOne(schemaCookie: number): Uint8Array {
  const bytes = new Uint8Array(512)
  new DataView(bytes.buffer).setInt32(40, schemaCookie)
  return bytes
}

function firstPage(schemaCookie: number): PageChange {
  return { pageNumber: 1, before: undefined, after: pageOne(schemaCookie), sum: 0n }
}

const OTHERS = 'the program that Stemma runs in did not tell them'
const OTHER_SCHEMA = 'the schema was another one than they were judged by'

test('a commit of the program is told with its schema and time zone', () => {
  const scene = new Scene()
  scene.write('INSERT')
  expect(scene.see()).toEqual({ schemaVersion: 5, timeZone: 'Europe/Berlin', statements: [logged('INSERT')] })
})

test('statements go by the schema that the commit before left', () => {
  const scene = new Scene()
  scene.write('CREATE', 5)
  scene.write('INSERT', 6)
  expect(scene.see(6)).toMatchObject({ schemaVersion: 5 })
  expect(scene.see()).toMatchObject({ schemaVersion: 6 })
  expect(scene.journal.takeSchemaNews()).toBe(undefined)
})

test('a program that goes by an old schema is not believed, and told so', () => {
  const scene = new Scene()
  scene.wal.frame++
  scene.wal.commits++
  scene.write('INSERT', 5)
  expect(scene.see(6)).toBe(OTHERS)
  expect(scene.journal.takeSchemaNews()).toBe(6)
  expect(scene.see()).toBe(OTHER_SCHEMA)
  expect(scene.journal.takeSchemaNews()).toBe(6)
  scene.write('INSERT', 6)
  expect(scene.see()).toMatchObject({ schemaVersion: 6 })
})

test('when page 1 can not be read no statement is believed until it is seen again', () => {
  const scene = new Scene()
  const unreadable: PageChange = {
    pageNumber: 1,
    before: undefined,
    get after(): Uint8Array {
      throw new Error('EIO')
    },
    sum: 0n,
  }
  scene.matcher.step({ position: { epoch: 1, sequence: 1 }, frames: undefined, isUrgent: false, changed: [unreadable] })
  for (let i = 0; i < 3; i++) scene.write('INSERT')
  expect(scene.see()).toBe(OTHER_SCHEMA)
  expect(scene.see(5)).toBe(OTHER_SCHEMA)
  expect(scene.see()).toMatchObject({ schemaVersion: 5 })
})

test('on the program’s own thread a commit that is not told yet is nobody’s', () => {
  const scene = new Scene()
  scene.journal.begin(5, true)
  expect(scene.see()).toBe(OTHERS)
})

test('a program that never comes to an end is waited for once', () => {
  const scene = new Scene({ mayWait: true, waitMs: 1 as Milliseconds })
  scene.journal.begin(5, true)
  for (let i = 0; i < 3; i++) expect(scene.see()).toBe(OTHERS)
})

test('a commit that is seen before its program has told of it is waited for', async () => {
  const scene = new Scene({ mayWait: true, waitMs: 60_000 as Milliseconds })
  const thread = new Worker(new URL('./testing/late-thread.ts', import.meta.url), { workerData: scene.shared.memory })
  await once(thread, 'message')
  expect(scene.see()).toMatchObject({ statements: [logged('INSERT')] })
  await once(thread, 'exit')
})
