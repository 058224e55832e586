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

test('payloads of a format that is named are printed as they are, up to one that is missing', async () => {
  const entries = [1, 2, 3, 4].map((sequence) => ({
    position: { epoch: 1, sequence },
    barrier: sequence === 3,
    payload: Buffer.from(sequence === 3 ? '' : `event ${sequence}\n`),
  }))
  const payloads = (count: number): World => ({
    payloads: {
      from: { epoch: 1, sequence: 0 },
      ends: true,
      commits: walk(entries.slice(0, count), true),
      close: () => Promise.resolve(),
    },
  })
  const sound = start('changes app.db --from 1:0 --format debezium', payloads(2))
  expect([await sound.exitCode, sound.output()]).toEqual([4, 'event 1\nevent 2\n'])
  const cut = start('changes app.db --from 1:0 --format debezium', payloads(4))
  expect([await cut.exitCode, cut.output()]).toEqual([1, 'event 1\nevent 2\n'])
  expect(cut.errors()).toContain('--from 1:3')
})

test.each([
  'changes app.db --from yesterday',
  'changes',
  'changes app.db --format debezium --table user',
  'changes app.db --token-file nowhere',
])('%s is wrong usage', async (line) => {
  expect(await start(line, world([], true)).exitCode).toBe(2)
})

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

async function* walk<T>(commits: readonly T[], ends: boolean): AsyncGenerator<T> {
  yield* commits
  if (!ends) await new Promise(() => {})
}

function commitAt(sequence: number): ChangeCommit {
  const row = { operation: 'insert', table: 'user', rowid: 1n, key: { id: 1n }, old: undefined, new: { id: 1n } } as const
  const nothing = { gap: undefined, schema: [], userVersion: undefined, applicationId: undefined }
  return { position: { epoch: 1, sequence }, committedAt: 0, rows: [row], ...nothing }
}
