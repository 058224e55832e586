import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import Database from 'better-sqlite3'
import type { Scene } from '../src/catalogue/index.ts'
import { changeClock } from './other-clock.ts'

/** What a scene came to on two plain connections: what SQLite said, and what the databases hold. */
export interface Naive {
  readonly leader: End
  readonly copy: End
}

export interface End {
  /** Of each statement: what it changed, or why it failed. */
  readonly said: readonly string[]
  readonly content: readonly string[]
}

/** The first version whose sums, texts of reals and functions are those of today, as far as the catalogue goes. */
const FIRST_OF_TODAY = [3, 54]

/** Plays a scene on two connections that know nothing of each other: the second just runs what the first ran. */
export function playNaively(scene: Scene): Naive {
  const { differs, setup, session = '', statements, userFunction, copy: difference = '', copyEncoding } = scene
  if (differs === 'version') return playOnOtherSqlite(scene)
  const zone = process.env['TZ']
  const leader = new Database(':memory:')
  let copy: Database.Database | undefined
  try {
    if (userFunction !== undefined) leader.function(userFunction.name, { varargs: true }, () => userFunction.leader)
    leader.exec(setup)
    copy = copyEncoding === undefined ? new Database(leader.serialize()) : new Database(':memory:')
    if (copyEncoding !== undefined) copy.exec(`PRAGMA encoding = '${copyEncoding}';${setup}`)
    copy.exec(difference)
    if (userFunction !== undefined) copy.function(userFunction.name, { varargs: true }, () => userFunction.copy)
    if (differs === 'clock') changeClock(copy)
    leader.exec(session)
    if (differs === 'time-zone') process.env['TZ'] = 'America/New_York'
    const saidByLeader = statements.map((sql) => run(leader, sql))
    if (differs === 'time-zone') process.env['TZ'] = 'Asia/Kolkata'
    const saidByCopy = statements.map((sql) => run(copy!, sql))
    return {
      leader: { said: saidByLeader, content: contentOf(leader) },
      copy: { said: saidByCopy, content: contentOf(copy) },
    }
  } finally {
    if (zone === undefined) delete process.env['TZ']
    else process.env['TZ'] = zone
    leader.close()
    copy?.close()
  }
}

/** The version of the `sqlite3` program, if there is one and it is older than what differs; else undefined. */
export function olderSqlite(): string | undefined {
  try {
    const version = execFileSync('sqlite3', ['--version'], { encoding: 'utf8' }).split(' ')[0] ?? ''
    const [major = 0, minor = 0] = version.split('.').map(Number)
    return major < FIRST_OF_TODAY[0]! || (major === FIRST_OF_TODAY[0]! && minor < 42) ? version : undefined
  } catch {
    return undefined
  }
}

/** True when the SQLite that comes with Node is enough to show the difference: it is another version, and built otherwise. */
export function isShownByNode({ code }: Scene): boolean {
  return code === 'BUILD_DEPENDENT' || code === 'DOUBLE_QUOTED_STRING'
}

function playOnOtherSqlite(scene: Scene): Naive {
  const { setup, statements } = scene
  const folder = mkdtempSync(join(tmpdir(), 'stemma-scene-'))
  try {
    const [ours, theirs] = ['ours.db', 'theirs.db'].map((name) => join(folder, name)) as [string, string]
    const plain = new Database(ours)
    plain.exec(setup)
    const saidHere = statements.map((sql) => run(plain, sql))
    plain.close()
    const saidThere = isShownByNode(scene) ? runByNode(theirs, scene) : runByProgram(theirs, scene)
    const here: End = { said: saidHere, content: contentOfFile(ours) }
    const there: End = { said: saidThere, content: contentOfFile(theirs) }
    // What is refused by one build is told by the one that takes it.
    return scene.code === 'DOUBLE_QUOTED_STRING' ? { leader: there, copy: here } : { leader: here, copy: there }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function runByNode(path: string, { setup, statements }: Scene): string[] {
  const database = new DatabaseSync(path, { enableDoubleQuotedStringLiterals: true })
  database.exec(setup)
  const said = statements.map((sql) => `changes ${database.prepare(sql).run().changes}`)
  database.close()
  return said
}

function runByProgram(path: string, { setup, statements }: Scene): string[] {
  execFileSync('sqlite3', ['-bail', path], { input: setup })
  return statements.map((sql) => {
    try {
      return `changes ${execFileSync('sqlite3', ['-bail', path], { input: `${sql};SELECT changes()`, encoding: 'utf8', stdio: 'pipe' }).trim()}`
    } catch (error) {
      return `fails: ${String((error as { stderr?: string }).stderr)}`
    }
  })
}

function run(database: Database.Database, sql: string): string {
  try {
    return `changes ${database.prepare(sql).run().changes}`
  } catch (error) {
    return `fails: ${(error as Error).message}`
  }
}

function contentOfFile(path: string): string[] {
  const database = new Database(path, { readonly: true })
  try {
    return contentOf(database)
  } finally {
    database.close()
  }
}

/** Every row of every table, with its rowid where it has one. */
function contentOf(database: Database.Database): string[] {
  const tables = database.prepare("SELECT name FROM main.sqlite_schema WHERE type = 'table' ORDER BY name").pluck().all()
  return (tables as string[]).flatMap((name) => {
    const rows = database.prepare(`SELECT rowid, * FROM main."${name}" ORDER BY rowid`).raw().safeIntegers().all() as unknown[][]
    return rows.map((row) => `${name}: ${row.map(showValue).join(', ')}`)
  })
}

function showValue(value: unknown): string {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return `real ${value}`
  return JSON.stringify(value)
}
