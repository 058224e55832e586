import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  decodeEntry,
  encodeEntry,
  type Commit,
  type CopyFormat,
  type DecodedEntry,
  type Entry,
  type LogFormat,
} from '@stemma/log'
import type { SqliteDriver } from '@stemma/storage'
import { makesCopies, type Subject } from '../subject.ts'
import { Copy } from './copy.ts'
import { Leader, type LeaderOptions, type Transaction } from './leader.ts'
import { newRandom, type Random } from './random.ts'

/** Where a rule is tried: a folder of its own, with leaders and copies that are closed at the end. */
export class Lab {
  readonly subject: Subject
  readonly random: Random
  readonly #folder: string
  readonly #open: (() => Promise<void>)[] = []
  #count = 0

  constructor(subject: Subject, seed: number) {
    this.subject = subject
    this.random = newRandom(seed)
    // In memory where the system offers that, since databases sync very often.
    this.#folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'stemma-format-'))
  }

  /** The format that is judged, as leaders have it. */
  get format(): LogFormat {
    return this.subject.format
  }

  /** The format that is judged, as those have it who read payloads. */
  get reader(): LogFormat {
    return this.subject.reader
  }

  /** The same for a copy. Only for rules that are for formats which make copies. */
  get copyFormat(): CopyFormat {
    return forCopies(this.reader)
  }

  /** The same, with nothing read yet. */
  newCopyFormat(): CopyFormat {
    return forCopies(this.subject.newOne())
  }

  /** A path for a new file. */
  path(name: string): string {
    return join(this.#folder, `${++this.#count}-${name}`)
  }

  /** A leader over a new database with this schema. */
  async leader(first: readonly string[] = [], options: LeaderOptions = {}): Promise<Leader> {
    return this.leaderAt(this.path('leader.db'), { ...options, first })
  }

  /** A leader over a database that is there. */
  async leaderAt(database: string, options: Parameters<typeof Leader.open>[1] = {}): Promise<Leader> {
    const leader = await Leader.open(database, options)
    this.#open.push(() => leader.close())
    return leader
  }

  /** A copy of a leader as it stands now, which takes entries of the format that is judged. */
  async copy(
    leader: Leader,
    options: { readonly formats?: readonly CopyFormat[]; readonly driver?: SqliteDriver } = {},
  ): Promise<Copy> {
    const { formats = [this.copyFormat], driver } = options
    const copy = await Copy.of(leader, { database: this.path('copy.db'), formats, driver })
    this.#open.push(() => copy.close())
    return copy
  }

  /** Commits a transaction, and gives the entries that the format made of it: most often one. */
  async entries(leader: Leader, transaction: Transaction, format: LogFormat = this.format): Promise<DecodedEntry[]> {
    const entries: DecodedEntry[] = []
    const stop = leader.watch((commit) => entries.push(entryOf(commit, format, format.encode(commit))))
    try {
      await leader.run(transaction)
    } finally {
      stop()
    }
    return entries
  }

  async close(): Promise<void> {
    for (const close of this.#open.reverse()) {
      try {
        await close()
      } catch {
        // What a broken format did may come up again here; the rule has failed already.
      }
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** The entry of a commit. The payload is copied. */
export function entryOf(commit: Commit, format: LogFormat, payload: Uint8Array): DecodedEntry {
  const { position, committedAt, recovered, digest, digestBefore } = commit
  const head = { position, committedAt, recovered, digest, digestBefore, barrier: false }
  return anew({ ...head, format: format.name, formatVersion: format.version, payload })
}

/** An entry, in an envelope that is right. */
export function anew(entry: Entry): DecodedEntry {
  return decodeEntry(encodeEntry(entry), 0)!
}

function forCopies(format: LogFormat): CopyFormat {
  if (!makesCopies(format)) throw new Error('no copy is made by this format')
  return format
}
