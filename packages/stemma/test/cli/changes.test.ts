import { expect, test } from 'vitest'
import type { ChangeCommit } from '../../src/changes/change-commit.ts'
import { start, type World } from './world.ts'

test('changes are printed as lines of JSON; what people want to know goes to the other output', async () => {
  const run = start('changes app.db --from 1:1', world([commitAt(2), commitAt(3)], true))
  expect(await run.exitCode).toBe(4)
  expect(run.records()).toMatchObject([
    { kind: 'row', position: '1:2', table: 'user', operation: 'insert', key: { id: 1 } },
    { kind: 'commit', position: '1:2', rows: 1 },
    { kind: 'row', position: '1:3' },
    { kind: 'commit', position: '1:3' },
  ])
  expect(run.errors()).toContain('its log ends at 1:3')
})

test('asked to stop, it ends well', async () => {
  const run = start('changes tcp://127.0.0.1:7411', world([commitAt(2)], false))
  await new Promise((resolve) => setImmediate(resolve))
  run.press('SIGINT')
  expect(await run.exitCode).toBe(0)
})

test('a reader that went away ends it well, and a failure does not', async () => {
  const gone = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
  expect(await start('changes tcp://127.0.0.1:7411', { ...world([commitAt(2)], false), writeFailure: gone }).exitCode).toBe(0)
  const full = Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' })
  expect(await start('changes tcp://127.0.0.1:7411', { ...world([commitAt(2)], false), writeFailure: full }).exitCode).toBe(1)
})

test.each(['changes app.db --from yesterday', 'changes', 'changes app.db --token-file nowhere'])(
  '%s is wrong usage',
  async (line) => {
    expect(await start(line, world([], true)).exitCode).toBe(2)
  },
)

function world(commits: readonly ChangeCommit[], ends: boolean): World {
  return {
    changes: {
      from: { epoch: 1, sequence: 1 },
      ends,
      commits: walk(commits, ends),
      close: () => Promise.resolve(),
    },
  }
}

async function* walk(commits: readonly ChangeCommit[], ends: boolean): AsyncGenerator<ChangeCommit> {
  yield* commits
  if (!ends) await new Promise(() => {})
}

function commitAt(sequence: number): ChangeCommit {
  const row = { operation: 'insert', table: 'user', rowid: 1n, key: { id: 1n }, old: undefined, new: { id: 1n } } as const
  const nothing = { gap: undefined, schema: [], userVersion: undefined, applicationId: undefined }
  return { position: { epoch: 1, sequence }, committedAt: 0, rows: [row], ...nothing }
}
