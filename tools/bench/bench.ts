import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Row } from './result.ts'
import { createDatabase } from './workload.ts'

/** How much is measured. */
export interface Effort {
  /** Times that everything is repeated, in turns. */
  readonly runs: number
  /** How long each writer writes. */
  readonly seconds: number
  /** Commits that wait in the catch-up. */
  readonly backlog: number
  /** Bytes of the snapshot's database. */
  readonly snapshotBytes: number
  /** Bytes of the large database. */
  readonly largeBytes: number
  /** How long the idle leader is looked at. */
  readonly idleSeconds: number
}

export const EFFORT: Effort = {
  runs: 5,
  seconds: 2,
  backlog: 100_000,
  snapshotBytes: 200_000_000,
  largeBytes: 1_000_000_000,
  idleSeconds: 60,
}

/** Where and how a benchmark runs. */
export class Bench {
  readonly effort: Effort
  /** The names asked for: rows that begin so. None means all. */
  readonly #names: readonly string[]
  readonly #folder: string
  readonly #templates = new Map<number, string>()
  #copies = 0

  constructor(effort: Effort, names: readonly string[]) {
    this.effort = effort
    this.#names = names
    this.#folder = mkdtempSync(join(tmpdir(), 'stemma-bench-'))
  }

  /** Whether anybody asked for rows that begin so, or for one of them. */
  wants(name: string): boolean {
    return this.#names.length === 0 || this.#names.some((each) => name.startsWith(each) || each.startsWith(`${name}.`))
  }

  /** Whether a row that is there was asked for. */
  shows({ name }: Row): boolean {
    return this.#names.length === 0 || this.#names.some((each) => name.startsWith(each))
  }

  /** A place where nothing is. */
  newPath(): string {
    return join(this.#folder, `${++this.#copies}.db`)
  }

  /** A folder with nothing in it. */
  newFolder(): string {
    return mkdtempSync(join(this.#folder, 'folder-'))
  }

  /** A fresh database, of this many bytes or a little more; 0: only the table. */
  newDatabase(bytes = 0): string {
    let template = this.#templates.get(bytes)
    if (template === undefined) {
      template = this.newPath()
      createDatabase(template, bytes)
      this.#templates.set(bytes, template)
    }
    const path = this.newPath()
    copyFileSync(template, path)
    return path
  }

  /** Removes a database and all that stands beside it. Nothing may have it open. */
  remove(path: string): void {
    for (const ending of ENDINGS) rmSync(path + ending, { force: true })
  }

  /** Copies a database that nothing has open, and what Stemma keeps beside it. */
  copy(from: string, to: string): void {
    this.remove(to)
    for (const ending of ENDINGS) if (existsSync(from + ending)) copyFileSync(from + ending, to + ending)
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

const ENDINGS = [
  '',
  '-wal',
  '-shm',
  '-stemma',
  '-stemma-wal',
  '-stemma-shm',
  '-stemma-places',
  '-stemma-lock',
  '-stemma-lock-journal',
]

/** Looks at the size of a database's WAL while work goes on; gives the largest that was seen, in bytes. */
export async function largestWal(database: string, work: () => Promise<void>): Promise<number> {
  let largest = 0
  const look = (): void => {
    largest = Math.max(largest, statSync(`${database}-wal`, { throwIfNoEntry: false })?.size ?? 0)
  }
  const timer = setInterval(look, 20)
  try {
    await work()
    look()
    return largest
  } finally {
    clearInterval(timer)
  }
}
