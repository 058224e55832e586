import { StemmaError } from '@stemma/base'
import { pagesOf, type DatabaseChange, type Pages } from '@stemma/sqlite-file'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { betterSqlite3 } from '../sqlite/better-sqlite3.ts'
import { RowTracker, type TrackedCommit } from './row-tracker.ts'

/** A database that is followed by images of it, with reads that fail when a test wants them to. */
class Followed implements Disposable {
  readonly tracker = new RowTracker(betterSqlite3)
  readonly #database = new Database(':memory:')
  #image: Uint8Array
  #sequence = 0
  /** How many reads of pages are still to fail, and how many there were. */
  failing = 0
  reads = 0
  /** Added to the digest of what was before the next commit. */
  unseen = 0n

  constructor(schema: string) {
    this.#database.exec(`PRAGMA page_size = 512; ${schema}`)
    this.#image = this.#database.serialize()
  }

  begin(): void {
    this.tracker.tryToBegin(() => this.#pages(this.#image), BigInt(this.#sequence))
  }

  /** Runs SQL that is one commit, and shows its rows, or why they are unknown. */
  run(sql: string): string {
    const commit = this.#commit(sql)
    return show(this.tracker.step(commit))
  }

  skip(sql: string, why: string): string {
    return show(this.tracker.skip(this.#commit(sql), why))
  }

  [Symbol.dispose](): void {
    this.tracker.close()
    this.#database.close()
  }

  #commit(sql: string): TrackedCommit {
    this.#database.exec(sql)
    const [before, after] = [this.#image, this.#database.serialize()]
    this.#image = after
    const digestBefore = BigInt(this.#sequence) + this.unseen
    this.unseen = 0n
    const sequence = ++this.#sequence
    const pages = (): DatabaseChange => ({
      before: this.#pages(before),
      after: this.#pages(after),
      written: written(before, after),
    })
    return { position: { epoch: 1, sequence }, digestBefore, digest: BigInt(sequence), pages }
  }

  #pages(image: Uint8Array): Pages {
    const { pageSize, usableSize, pageCount, read } = pagesOf(image)
    const failing = (pageNumber: number): Uint8Array => {
      this.reads++
      if (this.failing > 0) {
        this.failing--
        throw new Error('a bad sector')
      }
      return read(pageNumber)
    }
    return { pageSize, usableSize, pageCount, read: failing }
  }
}

function written(before: Uint8Array, after: Uint8Array): number[] {
  const pageOf = (image: Uint8Array, index: number): Buffer => Buffer.from(image.subarray(index * 512, (index + 1) * 512))
  return Array.from({ length: after.byteLength / 512 }, (_, i) => i + 1).filter(
    (n) => !pageOf(before, n - 1).equals(pageOf(after, n - 1)),
  )
}

function show(rows: ReturnType<RowTracker['step']>): string {
  try {
    const { schema, tables } = rows()
    const told = tables.flatMap((table) => Array.from(table.rows(), ({ kind, rowid }) => `${kind} ${table.name} ${rowid}`))
    return [...schema.map(({ kind }) => kind), ...told].join(', ')
  } catch (error) {
    if (!StemmaError.is(error)) throw error
    return `${error.code} ${String(error.details['sequence'])}: ${error.message.replace(/.* unknown: /, '')}`
  }
}

const SCHEMA = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, zeroblob(2000))'

test('commits are told one after another, and the map is made once', () => {
  using followed = new Followed(SCHEMA)
  followed.begin()
  expect(followed.run('INSERT INTO t VALUES (2, 3)')).toBe('insert t 2')
  expect(followed.run('CREATE TABLE u (a)')).toBe('create')
  expect(followed.run('UPDATE t SET a = 4 WHERE id = 1')).toBe('update t 1')
  expect(followed.tracker.begun).toBe(1)
  expect(followed.tracker.mapBytes).toBeGreaterThan(0)
})

test('it begins with the first commit when it could not before', () => {
  using followed = new Followed(SCHEMA)
  followed.failing = 1
  followed.begin()
  expect(followed.tracker.begun).toBe(0)
  expect(followed.run('DELETE FROM t')).toBe('delete t 1')
})

test('a read that fails once is tried again', () => {
  using followed = new Followed(SCHEMA)
  followed.begin()
  followed.failing = 1
  expect(followed.run('DELETE FROM t')).toBe('delete t 1')
  expect(followed.tracker.begun).toBe(2)
})

test('a read that fails again makes the rows of that commit unknown, and those of the next are told', () => {
  using followed = new Followed(SCHEMA)
  followed.begin()
  followed.failing = 2
  expect(followed.run('INSERT INTO t VALUES (2, 3)')).toBe('ROWS_UNKNOWN 1: a bad sector')
  expect(followed.run('DELETE FROM t WHERE id = 2')).toBe('delete t 2')
})

test('commits that are skipped say why, and those after them are told', () => {
  using followed = new Followed(SCHEMA)
  followed.begin()
  expect(followed.skip('DROP TABLE t; CREATE TABLE v (a)', 'nobody saw it')).toBe('ROWS_UNKNOWN 1: nobody saw it')
  expect(followed.run('INSERT INTO v VALUES (7)')).toBe('insert v 1')
})

test('a database that is another than it was after the last commit is looked at anew', () => {
  using followed = new Followed(SCHEMA)
  followed.begin()
  followed.unseen = 5n
  expect(followed.run('INSERT INTO t VALUES (2, 3)')).toBe('insert t 2')
  expect(followed.tracker.begun).toBe(2)
})

test('while nothing helps, it reads the database more and more rarely, and it finds the way back', () => {
  using followed = new Followed(SCHEMA)
  followed.begin()
  followed.failing = Infinity
  const tries: number[] = []
  for (let i = 1; i <= 40; i++) {
    const { reads } = followed
    expect(followed.run(`INSERT INTO t (a) VALUES (${i})`)).toBe(`ROWS_UNKNOWN ${i}: a bad sector`)
    if (followed.reads > reads) tries.push(i)
  }
  expect(tries.length).toBeLessThan(8)
  followed.failing = 0
  const told = Array.from({ length: 40 }, (_, i) => followed.run(`UPDATE t SET a = ${1000 + i} WHERE id = 7`))
  const first = told.indexOf('update t 7')
  expect(first).toBeGreaterThan(-1)
  expect(told.slice(first)).toEqual(told.slice(first).map(() => 'update t 7'))
})
