import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Outcome, Policy, Scene } from '@stemma/format-statement/catalogue'
import Database from 'better-sqlite3'
import { onTestFinished } from 'vitest'
import { openLeader, type FollowerOptions, type Leader } from '../../../src/index.ts'
import { makeDatabase } from './folder.ts'
import { changeCopy, followScene, isRefused, outcomeOf, runScene, setScene } from './scene-roles.ts'

/** What a scene came to. */
export interface Played {
  readonly outcome: Outcome
  /** What stopped it, or who refused what; and how the two differ. */
  readonly why: unknown
}

/** A leader and its copy, on which one scene after the other is played. */
export class Stage {
  readonly #folder: string
  readonly #leader: Leader
  /** Counts copies: one that is not equal in the end is not used again. */
  #copies = 0

  private constructor(folder: string, leader: Leader) {
    this.#folder = folder
    this.#leader = leader
  }

  static async open(policy: Policy): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'stemma-stage-'))
    const database = join(folder, 'app.db')
    makeDatabase(database, '')
    return new Stage(folder, await openLeader({ database, formats: ['statement'], statements: { policy }, thread: 'same' }))
  }

  async close(): Promise<void> {
    await this.#leader.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /**
   * Plays a scene. The copy sees it being set, and comes back for the statements when clock, time zone, indexes and connection are others.
   *
   * @param isTampered - the copy's making differs as well, which is nothing that Stemma does
   */
  async play(scene: Scene, { isTampered }: { readonly isTampered: boolean }): Promise<Played> {
    const { differs, copyEncoding } = scene
    const { database } = this.#leader
    clear(database)
    setScene(database, scene)
    const isMadeAnew = isTampered && copyEncoding !== undefined
    if (isMadeAnew) this.#copies++
    const options: Partial<FollowerOptions> = isMadeAnew ? { encoding: 'utf-16le' } : {}
    const copy = this.#copy
    try {
      await this.#follow(options)
    } catch (error) {
      if (!isMadeAnew) throw error
      this.#copies++
      return { outcome: 'no-follower', why: error }
    }
    if (differs !== 'making' || isTampered) changeCopy(copy, scene)
    const { sequence: before } = await this.#leader.waitFor({ followers: 0 })
    const codes = inZone(scene, 'America/New_York', () => runScene(database, scene))
    if (isRefused(codes)) return { outcome: 'refused', why: codes }
    if (differs === 'clock') await anotherSecond()
    const stopped = await inZone(scene, 'Asia/Kolkata', () => this.#follow(options))
    const played: Played =
      stopped === undefined
        ? await outcomeOf({ leader: this.#path('app.db'), copy, after: before })
        : { outcome: 'stops', why: stopped.message }
    if (isTampered || played.outcome === 'differs' || played.outcome === 'stops') this.#copies++
    return played
  }

  get #copy(): string {
    return this.#path(`copy-${this.#copies}.db`)
  }

  #path(name: string): string {
    return join(this.#folder, name)
  }

  /** Follows until the copy has everything; gives what stopped it, if it did not come so far. */
  async #follow(options: Partial<FollowerOptions>): Promise<Error | undefined> {
    const { sequence } = await this.#leader.waitFor({ followers: 0 })
    const following = await followScene({ url: this.#leader.url, database: this.#copy, sequence }, options)
    if ('stopped' in following) return following.stopped
    await following.follower.close()
    return undefined
  }
}

/** Leaves nothing of the scene before. */
function clear(database: Database.Database): void {
  for (const { name } of database.pragma('database_list') as { name: string }[])
    if (name !== 'main' && name !== 'temp') database.exec(`DETACH ${name}`)
  for (const [name, value] of Object.entries(USUAL)) database.pragma(`${name} = ${value}`)
  for (const schema of ['temp', 'main']) {
    const objects = database.prepare(
      `SELECT type, name FROM ${schema}.sqlite_schema WHERE type IN ('trigger', 'table') AND name NOT LIKE 'sqlite_%' ORDER BY type DESC`,
    )
    for (const { type, name } of objects.all() as { type: string; name: string }[])
      database.exec(`DROP ${type} ${schema}.${name}`)
  }
}

const USUAL = {
  foreign_keys: 'ON',
  recursive_triggers: 'OFF',
  case_sensitive_like: 'OFF',
  ignore_check_constraints: 'OFF',
  reverse_unordered_selects: 'OFF',
  cache_size: '-16000',
}

/** Does something in a time zone, if that is what differs. */
function inZone<T>(scene: Scene, zone: string, act: () => T): T {
  if (scene.differs !== 'time-zone') return act()
  const before = process.env['TZ']
  process.env['TZ'] = zone
  onTestFinished(() => {
    if (before === undefined) delete process.env['TZ']
    else process.env['TZ'] = before
  })
  return act()
}

/** Waits until SQLite's clock shows another second, which is as fine as most of its functions are. */
async function anotherSecond(): Promise<void> {
  const clock = new Database(':memory:')
  const now = clock.prepare("SELECT datetime('now')").pluck()
  const start = now.get()
  while (now.get() === start) await new Promise((resolve) => setImmediate(resolve))
  clock.close()
}
