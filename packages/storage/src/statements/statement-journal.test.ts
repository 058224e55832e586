import type { LoggedStatement, StatementValue } from '@stemma/log'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { JournalMemory, newJournalMemory } from './journal-memory.ts'
import { JournalReader, type JournalRecord } from './journal-reader.ts'
import { StatementJournal } from './statement-journal.ts'
import { SAFE, SETTINGS, logged } from './testing/plain-recorder.ts'
import type { WalMark } from './wal-mark.ts'

interface Scene {
  readonly journal: StatementJournal
  readonly reader: JournalReader
  /** Where the WAL stands. */
  readonly wal: WalMark
  now: number
  readings: number
  /** Somebody commits. */
  commit(frames?: number): void
  /** The program commits one transaction of these statements under autocommit. */
  write(...statements: LoggedStatement[]): void
  taken(): JournalRecord[]
}

function setUp({ ringBytes = 64 * 1024 }: { ringBytes?: number } = {}): Scene {
  const shared = new JournalMemory(newJournalMemory(ringBytes))
  const wal: WalMark = { salt1: 1, salt2: 2, frame: 10, commits: 100 }
  const scene: Scene = {
    wal,
    now: 0,
    readings: 0,
    journal: new StatementJournal({
      shared,
      now: () => scene.now,
      marks: {
        read(into) {
          scene.readings++
          Object.assign(into, wal)
          return true
        },
      },
    }),
    reader: new JournalReader(shared),
    commit(frames = 1) {
      wal.frame += frames
      wal.commits = (wal.commits + 1) >>> 0
    },
    write(...statements) {
      scene.journal.begin(5, true)
      scene.commit()
      for (const statement of statements) scene.journal.add(statement)
      scene.journal.committed(() => true)
    },
    taken() {
      const records: JournalRecord[] = []
      for (let next = scene.reader.take(); next !== undefined; next = scene.reader.take()) records.push(next)
      return records
    },
  }
  return scene
}

const INSERT = logged('INSERT INTO t VALUES (?)', [1], { changes: 1, lastInsertRowid: 7n })

test('a transaction comes over with the frame that its commit ends with', () => {
  const scene = setUp()
  scene.write(INSERT)
  const [record] = scene.taken()
  expect(record).toMatchObject({ salt1: 1, salt2: 2, frame: 11, isBefore: false, schemaVersion: 5 })
  expect(record!.statements()).toEqual([INSERT])
})

/** What happens in the WAL between `begin` and `committed`; where the commit is said to be. */
test.each<[string, (scene: Scene) => void, string]>([
  ['nobody else commits', ({ commit }) => commit(3), 'ends with 13'],
  ['nothing is committed', () => {}, 'nothing'],
  ['somebody else commits too', ({ commit }) => (commit(), commit()), 'nothing'],
  ['the WAL begins anew with it', ({ wal }) => Object.assign(wal, { salt1: 2, salt2: 9, frame: 1, commits: 101 }), 'ends with 1'],
  [
    'the WAL begins anew, and somebody else commits',
    ({ wal }) => Object.assign(wal, { salt1: 2, frame: 2, commits: 102 }),
    'nothing',
  ],
  ['the WAL begins anew behind it', ({ wal }) => Object.assign(wal, { salt1: 2, frame: 0, commits: 101 }), 'ends with 0'],
  ['the counter begins anew', ({ wal }) => Object.assign(wal, { frame: 12, commits: 1 }), 'nothing'],
])('under autocommit, when %s', (_, happen, expected) => {
  const scene = setUp()
  scene.journal.begin(5, true)
  happen(scene)
  scene.journal.add(INSERT)
  scene.journal.committed(() => true)
  expect(showPlaces(scene)).toBe(expected)
})

/** What happens between the beginning and COMMIT, and between COMMIT and the look behind it. */
test.each<[string, (scene: Scene) => void, (scene: Scene) => void, string]>([
  ['nobody else commits', () => {}, ({ commit }) => commit(2), 'ends with 12'],
  ['somebody committed before the write lock was taken', ({ commit }) => commit(), ({ commit }) => commit(2), 'ends with 13'],
  ['somebody commits right behind it', () => {}, ({ commit }) => (commit(2), commit()), 'first behind 10'],
  ['somebody commits before and behind it', ({ commit }) => commit(5), ({ commit }) => (commit(2), commit()), 'first behind 15'],
  ['nothing was written', ({ commit }) => commit(), () => {}, 'nothing'],
  [
    'the WAL begins anew, and somebody commits right behind it',
    () => {},
    ({ wal }) => Object.assign(wal, { salt1: 2, frame: 3, commits: 102 }),
    'nothing',
  ],
])('with BEGIN and COMMIT, when %s', (_, happenBefore, happenAfter, expected) => {
  const scene = setUp()
  scene.journal.begin(5, false)
  scene.journal.add(INSERT)
  happenBefore(scene)
  scene.journal.committing()
  happenAfter(scene)
  scene.journal.committed(() => true)
  expect(showPlaces(scene)).toBe(expected)
})

function showPlaces(scene: Scene): string {
  return (
    scene
      .taken()
      .map(({ frame, isBefore }) => (isBefore ? `first behind ${frame}` : `ends with ${frame}`))
      .join() || 'nothing'
  )
}

test('it is asked once whether a commit is the transaction’s own, and only when there is one', () => {
  const { journal, commit, taken } = setUp()
  let asked = 0
  const isOurs = (): boolean => (asked++, false)
  journal.begin(5, true)
  journal.add(INSERT)
  journal.committed(isOurs)
  expect(asked).toBe(0)
  journal.begin(5, true)
  commit()
  journal.add(INSERT)
  journal.committed(isOurs)
  expect(asked).toBe(1)
  journal.begin(5, true)
  commit()
  journal.committed(isOurs)
  expect(asked).toBe(1)
  expect(taken()).toEqual([])
})

test('one transaction after another costs one look at the WAL each', () => {
  const scene = setUp()
  scene.write(INSERT)
  const { readings } = scene
  for (let i = 0; i < 10; i++) scene.write(INSERT)
  expect(scene.readings - readings).toBe(10)
  expect(scene.taken().length).toBe(11)
})

test('after a pause, and when others write too, it looks before a transaction as well', () => {
  const scene = setUp()
  scene.write(INSERT)
  scene.commit()
  scene.now += 1
  scene.write(INSERT)
  expect(scene.taken().map(({ frame }) => frame)).toEqual([11, 13])
  scene.commit()
  scene.write(INSERT)
  expect(scene.taken()).toEqual([])
  expect(scene.journal.droppedForOthers).toBe(1)
  scene.commit()
  scene.write(INSERT)
  expect(scene.taken().map(({ frame }) => frame)).toEqual([17])
})

test('what is rolled back is not told', () => {
  const { journal, commit, taken } = setUp()
  const each = (sql: string): LoggedStatement => logged(sql, [], { changes: 1 })
  journal.begin(5, false)
  journal.add(each('one'))
  const mark = journal.mark()
  journal.add(each('two'))
  const inner = journal.mark()
  journal.add(each('three'))
  journal.truncate(inner)
  journal.truncate(mark)
  journal.truncate(mark)
  journal.add(each('three'))
  journal.committing()
  commit()
  journal.committed(() => true)
  journal.begin(5, false)
  journal.add(each('four'))
  journal.dropped()
  journal.begin(5, false)
  for (const sql of ['two', 'four', 'one', 'three']) journal.add(each(sql))
  journal.committing()
  commit()
  journal.committed(() => true)
  const told = taken().map((record) => record.statements().map(({ sql }) => sql))
  expect(told).toEqual([
    ['one', 'three'],
    ['two', 'four', 'one', 'three'],
  ])
})

test('a text goes over once, with its verdict, and again when the verdict is another', () => {
  const scene = setUp()
  const sql = `INSERT INTO t VALUES (${'1, '.repeat(100)})`
  const first = { ...logged(sql), verdict: { ...SAFE } }
  const second = {
    ...first,
    verdict: { safety: 'rows' as const, isRepeatable: false, findings: [{ code: 'X', start: 1, end: 2 }] },
  }
  for (const statement of [first, first, second, second, first]) scene.write(statement)
  const records = scene.taken()
  expect(records.map((record) => record.byteLength > 300)).toEqual([true, false, true, false, true])
  expect(records.map((record) => record.statements()[0])).toEqual([first, first, second, second, first])
})

test('texts are forgotten when there are many, and what was taken before still has its own', () => {
  const scene = setUp({ ringBytes: 4 * 1024 * 1024 })
  const statements = Array.from({ length: 10_000 }, (_, i) => logged(`INSERT INTO t VALUES (${i % 5000})`))
  for (const statement of statements) scene.write(statement)
  expect(scene.taken().map((record) => record.statements()[0]!.sql)).toEqual(statements.map(({ sql }) => sql))
})

test('a full ring drops texts, until there is room again', () => {
  const scene = setUp({ ringBytes: 4096 })
  for (let i = 0; i < 200; i++) scene.write(logged('INSERT INTO t VALUES (?)', [BigInt(i)]))
  const kept = scene.taken()
  expect(kept.length).toBeGreaterThan(50)
  expect(scene.journal.droppedForRoom).toBe(200 - kept.length)
  expect(kept.map((record) => record.statements()[0]!.placed)).toEqual(kept.map((_, i) => [BigInt(i)]))
  scene.write(logged('a new text'))
  expect(scene.taken().map((record) => record.statements()[0]!.sql)).toEqual(['a new text'])
})

test('a record that is too large is dropped, with the texts that it would have brought', () => {
  const scene = setUp({ ringBytes: 4096 })
  scene.write(logged('a', ['x'.repeat(1000)]))
  scene.write(logged('b'), logged('c', [new Uint8Array(3000)]), logged('d'))
  scene.write(logged('b'), logged('d'), logged('a'))
  expect(scene.taken().map((record) => record.statements().map(({ sql }) => sql))).toEqual([['a'], ['b', 'd', 'a']])
  expect(scene.journal.droppedForRoom).toBe(1)
})

test('records of all sizes come through the ring unharmed, however it is read', () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
  console.info(`seed ${seed}`)
  const step = fc.record({ sizes: fc.array(fc.nat(900), { minLength: 1, maxLength: 6 }), text: fc.nat(5), reads: fc.nat(3) })
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 80 }), (steps) => {
      const scene = setUp({ ringBytes: 4096 })
      const sent = new Map<number, LoggedStatement[]>()
      const got = new Map<number, LoggedStatement[]>()
      const take = (): void => {
        const record = scene.reader.take()
        if (record !== undefined) got.set(record.frame, record.statements())
      }
      for (const { sizes, text, reads } of steps) {
        const statements = sizes.map((size, i) => logged(`text ${(text + i) % 5}`, ['y'.repeat(size), size]))
        const { droppedForRoom } = scene.journal
        scene.write(...statements)
        if (scene.journal.droppedForRoom === droppedForRoom) sent.set(scene.wal.frame, statements)
        for (let i = 0; i < reads; i++) take()
      }
      while (got.size < sent.size) take()
      expect(got).toEqual(sent)
    }),
    { seed, numRuns: 200 },
  )
})

test('a phase is odd from before a commit until its record is there', () => {
  const { journal, reader, commit } = setUp()
  const isOdd = (): boolean => (reader.phase & 1) === 1
  expect(isOdd()).toBe(false)
  journal.begin(5, true)
  expect(isOdd()).toBe(true)
  journal.dropped()
  expect(isOdd()).toBe(false)
  journal.begin(5, false)
  journal.add(INSERT)
  expect(isOdd()).toBe(false)
  journal.committing()
  const { phase } = reader
  journal.committing()
  expect(isOdd()).toBe(true)
  expect(reader.phase).not.toBe(phase)
  commit()
  journal.committed(() => true)
  expect(isOdd()).toBe(false)
})

test('news of the schema are given once', () => {
  const { journal, reader } = setUp()
  expect(journal.takeSchemaNews()).toBe(undefined)
  reader.tellSchema(-7)
  reader.tellSchema(8)
  expect(journal.takeSchemaNews()).toBe(8)
  expect(journal.takeSchemaNews()).toBe(undefined)
})

test('statements are wanted while somebody reads them', () => {
  const shared = new JournalMemory()
  const journal = new StatementJournal({ shared, marks: { read: () => false } })
  expect(journal.isWanted).toBe(false)
  const reader = new JournalReader(shared)
  expect(journal.isWanted).toBe(true)
  reader.close()
  expect(journal.isWanted).toBe(false)
})

test('everything that a statement may hold comes over as it was', () => {
  const scene = setUp()
  const value = fc.oneof(
    fc.constant(null),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.double(),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array({ maxLength: 300 }),
    fc.constantFrom('', '\u{FEFF}a', 'a\0b', 'é'.repeat(40), 'x'.repeat(5000), -0, Number.NaN, Number.POSITIVE_INFINITY),
  )
  const values = fc.array(value, { maxLength: 5 })
  const call = fc.record({ function: fc.string(), arguments: values, value })
  const statement = fc.record({
    sql: fc.string({ unit: 'grapheme' }),
    placed: values,
    named: fc.option(fc.dictionary(fc.string(), value, { noNullPrototype: true }), { nil: undefined }),
    settings: fc.constantFrom(SETTINGS, { ...SETTINGS, foreignKeys: false, reverseUnorderedSelects: true }),
    outcome: fc.record({
      error: fc.constantFrom(undefined, 'SQLITE_CONSTRAINT_UNIQUE'),
      changes: fc.constantFrom(0, 1, 127, 128, 300_000, 2 ** 31, 2 ** 53 - 1),
      lastInsertRowid: fc.constantFrom(undefined, 0n, -1n, 2n ** 63n - 1n),
    }),
    verdict: fc.constantFrom(SAFE, {
      safety: 'record' as const,
      isRepeatable: true,
      findings: [{ code: 'CLOCK', start: 3, end: 9, through: 'trigger é' }],
    }),
    recorded: fc.option(
      fc.record({
        drawn: fc.array(call, { maxLength: 3 }),
        told: fc.array(call, { maxLength: 3 }),
        connection: fc.constantFrom(undefined, { lastInsertRowid: -5n, changes: 3, totalChanges: 2 ** 40 }),
      }),
      { nil: undefined },
    ),
  })
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
  console.info(`seed ${seed}`)
  fc.assert(
    fc.property(fc.array(statement, { minLength: 1, maxLength: 4 }), (statements) => {
      scene.write(...statements)
      expect(scene.taken().map((record) => record.statements())).toEqual([statements])
    }),
    { seed },
  )
})

test('what is no whole character becomes what better-sqlite3 makes of it', () => {
  const scene = setUp()
  const database = new Database(':memory:')
  const texts: StatementValue[] = ['\uD800', 'a\uDC00b', '\uDC00\uD800', `${'é'.repeat(60)}\uD83D`, `${'x'.repeat(5000)}\uDE00`]
  scene.write(logged('INSERT', texts))
  const bound = texts.map((text) => database.prepare('SELECT ?').pluck().get(text))
  expect(scene.taken()[0]!.statements()[0]!.placed).toEqual(bound)
  database.close()
})
