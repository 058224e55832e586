import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Scene } from '@stemma/format-statement/catalogue'
import Database from 'better-sqlite3'
import { type Follower, type FollowerEvent, type FollowerOptions, type Leader, openFollower, openLeader, readLog } from 'stemma'
import type { Policy, PolicyOutcome, SceneWorld } from '../wire.ts'
import { isAsPromised } from './catalogue.ts'
import { compareTables } from './compare-tables.ts'

const SETTLE_MS = 20_000

/**
 * Plays a scene under one policy, between a real leader and a real copy on this thread: the copy is made, and away while the statements run; then its
 * world becomes another one, and it catches up.
 *
 * The time zone is the process's, so one scene is played at a time.
 */
export async function playScene(scene: Scene, policy: Policy, world: SceneWorld, parent: string): Promise<PolicyOutcome> {
  const folder = mkdtempSync(join(parent, 'scene-'))
  const zone = process.env['TZ']
  try {
    return await new Play(scene, policy, world, folder).play()
  } finally {
    setZone(zone)
    rmSync(folder, { recursive: true, force: true })
  }
}

class Play {
  readonly #scene: Scene
  readonly #policy: Policy
  readonly #world: SceneWorld
  readonly #leaderPath: string
  readonly #copyPath: string

  constructor(scene: Scene, policy: Policy, world: SceneWorld, folder: string) {
    this.#scene = scene
    this.#policy = policy
    this.#world = world
    this.#leaderPath = join(folder, 'leader.db')
    this.#copyPath = join(folder, 'copy.db')
  }

  async play(): Promise<PolicyOutcome> {
    const { setup, session = '', statements, userFunction, copy = '' } = this.#scene
    const policy = this.#policy
    runIn(this.#leaderPath, 'PRAGMA journal_mode = WAL')
    setZone('UTC')
    const formats = ['statement']
    const recordable = userFunction === undefined ? [] : [userFunction.name]
    const options = { database: this.#leaderPath, formats, thread: 'same', statements: { policy, recordable } } as const
    await using leader = await openLeader(options)
    if (userFunction !== undefined) leader.database.function(userFunction.name, { varargs: true }, () => userFunction.leader)
    // By the connection that runs the statements: what it did before is of the scene.
    leader.database.exec(setup)
    await leader.waitFor({ followers: 0 })
    await this.#makeCopy(leader)
    if (copy !== '') runIn(this.#copyPath, copy)

    leader.database.exec(session)
    let refused = ''
    for (const sql of statements) refused ||= run(leader.database, sql)
    await pause(this.#world.lateMs)
    // The leader's engine has seen the commits by then: what is applied from now on is applied in the copy's own zone.
    await leader.waitFor({ followers: 0 })
    setZone(this.#world.timeZone)
    const stopped = await this.#catchUp(leader)
    const { tables, isEqual } = compareTables(leader.database, this.#copyPath)
    const entries = await this.#entries()
    const end = stopped !== '' ? 'stopped' : isEqual ? 'equal' : 'differs'
    const asPromised = isAsPromised(this.#scene, policy, end)
    return { policy, end, what: stopped || refused, asPromised, entries, tables }
  }

  async #makeCopy(leader: Leader): Promise<void> {
    await using _follower = await this.#follow(leader.url)
    await leader.waitFor({ followers: 1, level: 'applied', timeoutMs: SETTLE_MS })
  }

  #follow(url: string, more: Pick<FollowerOptions, 'ready' | 'onEvent'> = {}): Promise<Follower> {
    const { copyEncoding } = this.#scene
    const options: FollowerOptions = { url, database: this.#copyPath, format: 'statement', thread: 'same' }
    return openFollower({
      ...options,
      ...(copyEncoding === undefined ? {} : { encoding: 'utf-16le' as const }),
      ...more,
    })
  }

  /** What the copy stopped at; empty when it has everything. */
  async #catchUp(leader: Leader): Promise<string> {
    const stopped = Promise.withResolvers<string>()
    const onEvent = (event: FollowerEvent): void => {
      if (event.kind === 'failed') stopped.resolve(event.error.message)
    }
    const arrived = leader.waitFor({ followers: 1, level: 'applied', timeoutMs: SETTLE_MS }).then(() => '')
    arrived.catch(() => {})
    try {
      await using _follower = await this.#follow(leader.url, { ready: 'readable', onEvent })
      return await Promise.race([arrived, stopped.promise])
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  async #entries(): Promise<string[]> {
    const entries = await readLog({ database: this.#leaderPath, format: 'statement' })
    return entries.flatMap(({ summary, details }) => [summary, ...details.map((detail) => `  ${detail}`)])
  }
}

function setZone(zone: string | undefined): void {
  if (zone === undefined) delete process.env['TZ']
  else process.env['TZ'] = zone
}

function runIn(path: string, sql: string): void {
  const database = new Database(path)
  try {
    database.exec(sql)
  } finally {
    database.close()
  }
}

/** What SQLite said when a statement failed; empty when it did not. */
function run(database: Database.Database, sql: string): string {
  try {
    const statement = database.prepare(sql)
    if (statement.reader) statement.all()
    else statement.run()
    return ''
  } catch (error) {
    return `the leader: ${error instanceof Error ? error.message : String(error)}`
  }
}
