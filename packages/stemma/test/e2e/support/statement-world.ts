import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { openFollower, openLeader, type FollowerEvent, type Leader, type LeaderOptions } from '../../../src/index.ts'
import { makeDatabase, newFolder } from './folder.ts'
import { expectSameRows } from './mirror.ts'

/** A leader whose program's statements are replicated, and a copy by statements. */
export interface StatementWorld {
  readonly app: string
  readonly leader: Leader
  /** Waits until the copy is there, and compares it. */
  expectSame(): Promise<void>
  /** Entries so far, and those that hold rows. */
  sent(): Promise<{ entries: number; asRows: number }>
}

/** Makes one of its own, with this schema; both are closed when the test ends. */
export async function newStatementWorld(
  schema: string,
  options: Partial<LeaderOptions> = {},
  pragmas = '',
): Promise<StatementWorld> {
  const folder = newFolder()
  const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
  makeDatabase(app, schema, pragmas)
  const leader = await openLeader({ database: app, formats: ['statement'], ...options })
  onTestFinished(() => leader.close())
  const trouble: FollowerEvent[] = []
  const onEvent = (event: FollowerEvent): void => {
    if (['warning', 'failed', 'diverged'].includes(event.kind)) trouble.push(event)
  }
  const follower = await openFollower({ url: leader.url, database: copy, format: 'statement', thread: 'same', onEvent })
  onTestFinished(() => follower.close())
  return {
    app,
    leader,
    async expectSame() {
      await leader.waitFor({ level: 'applied', timeoutMs: 60_000 }).catch((error: unknown) => {
        expect(trouble).toEqual([])
        throw error
      })
      expectSameRows(app, copy)
      expect(trouble).toEqual([])
    },
    async sent() {
      const status = await leader.status()
      const work = status.work?.find(({ format }) => format === 'statement')
      return { entries: work?.entries ?? 0, asRows: work?.asRows ?? 0 }
    },
  }
}
