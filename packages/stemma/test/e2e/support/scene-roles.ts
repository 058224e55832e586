import type { Outcome, Scene } from '@stemma/format-statement/catalogue'
import Database from 'better-sqlite3'
import { readContent } from 'fuzz'
import {
  StemmaError,
  openFollower,
  readLog,
  type Follower,
  type FollowerEvent,
  type FollowerOptions,
} from '../../../src/index.ts'

// What leader, copy and whoever looks at both do in a scene of the catalogue, in one process or in several.

/** Sets a scene: runs what comes before its statements, of which the copy hears. */
export function setScene(database: Database.Database, { setup, userFunction }: Scene): void {
  if (userFunction !== undefined) database.function(userFunction.name, { varargs: true }, () => userFunction.leader)
  database.exec(setup)
}

/** Runs the statements of a scene as a program does. Gives the codes of what it gets to see as errors. */
export function runScene(database: Database.Database, { session = '', statements }: Scene): string[] {
  database.exec(session)
  return statements.flatMap((sql) => {
    try {
      database.prepare(sql).run()
      return []
    } catch (error) {
      const { code } = error as { code?: string }
      if (code === undefined) throw error
      return code
    }
  })
}

/** True for errors that say that nothing was done: SQLite can't make sense of the statement, or the policy is against it. */
export function isRefused(codes: readonly string[]): boolean {
  return codes.includes('STATEMENT_REFUSED') || codes.includes('SQLITE_ERROR')
}

/** A copy that follows, or what stopped it. */
export type Following = { readonly follower: Follower } | { readonly stopped: StemmaError }

/** Follows until the copy is at `sequence`, or stops. Anything but a difference that was seen is thrown. */
export async function followScene(
  { url, database, sequence }: { readonly url: string; readonly database: string; readonly sequence: number },
  options: Partial<FollowerOptions> = {},
): Promise<Following> {
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {})
  const onEvent = (event: FollowerEvent): void => {
    if (event.kind === 'failed' || event.kind === 'resync' || event.kind === 'warning') failed.reject(event.error)
    if (event.kind === 'diverged') failed.reject(new Error('diverged'))
  }
  const opening = openFollower({ url, database, format: 'statement', thread: 'same', onEvent, ...options })
  opening.catch(() => {})
  try {
    const follower = await Promise.race([opening, failed.promise])
    const isThere = async (): Promise<boolean> => ((await follower.status()).position?.sequence ?? 0) >= sequence
    while (!(await isThere())) await Promise.race([new Promise((resolve) => setTimeout(resolve, 5)), failed.promise])
    return { follower }
  } catch (error) {
    await opening.then(
      (follower) => follower.close(),
      () => {},
    )
    if (StemmaError.is(error) && (error.code === 'STATEMENT_DIFFERS' || error.code === 'ROW_DIFFERS')) return { stopped: error }
    throw error
  }
}

/** Somebody makes an index, or does worse, while the copy is at rest. */
export function changeCopy(path: string, scene: Scene): void {
  const database = new Database(path)
  database.exec(scene.copy ?? '')
  database.close()
}

/** What became of a copy that followed to the end. */
export async function outcomeOf({
  leader,
  copy,
  after,
}: {
  readonly leader: string
  readonly copy: string
  /** The sequence of the last entry before the statements. */
  readonly after: number
}): Promise<{ readonly outcome: Outcome; readonly why: unknown }> {
  const [ours, theirs] = [contentOf(leader), contentOf(copy)]
  if (ours.join('\n') !== theirs.join('\n')) return { outcome: 'differs', why: { ours, theirs } }
  const entries = await readLog({ database: leader, format: 'statement', after })
  const outcome = entries.length === 0 ? 'not-logged' : entries[0]!.summary.startsWith('as rows') ? 'rows' : 'statements'
  return { outcome, why: entries.map(({ summary, details }) => [summary, ...details]) }
}

/** Every row of every table, with its rowid; sqlite_sequence is among the tables. */
function contentOf(path: string): string[] {
  const database = new Database(path, { readonly: true })
  try {
    return [...readContent(database)].flatMap(([name, rows]) =>
      name.startsWith('(') ? [] : rows.map((row) => `${name}: ${row}`),
    )
  } finally {
    database.close()
  }
}
