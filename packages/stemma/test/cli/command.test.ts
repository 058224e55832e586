import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { NodeStatus } from '../../src/status.ts'
import { failure, opened, start } from './world.ts'

const at = (sequence: number): { epoch: number; sequence: number } => ({ epoch: 1, sequence })

const STATUS: NodeStatus = {
  role: 'leader',
  database: 'app.db',
  cluster: 'c'.repeat(32),
  node: 'a'.repeat(32),
  position: at(42),
  digest: '00000000000000ff',
  formats: ['wal/1'],
  sqlite: '3.54.1',
  walBytes: 1_048_576,
  logBytes: 2_097_152,
  work: [{ format: 'statement', entries: 1_204, bytes: 204_800, tookMs: 7, barriers: 1, asRows: 12 }],
  followers: [
    {
      node: 'b'.repeat(32),
      name: 'paris',
      peer: '127.0.0.1:9',
      format: 'wal',
      state: 'following',
      received: at(42),
      durable: at(41),
      applied: at(40),
      lag: { commits: 2, seconds: 0.25 },
      heardAt: 0,
    },
  ],
}

test.each([
  ['', 2, 'Usage: stemma'],
  ['--version', 0, '0.0.0'],
  ['--help', 0, 'Exit codes:'],
  ['help serve', 0, '--listen'],
  ['help follow', 0, '--token-file'],
  ['serv app.db', 2, 'Did you mean serve?'],
  ['serve', 2, "missing required argument 'database'"],
  ['serve app.db --ship sometimes', 2, 'Allowed choices are synced, immediate'],
  ['help serve', 0, '--statements-as-rows'],
  ['serve app.db --statements-as-rows', 2, '--statements-as-rows is for a format of statements'],
  ['serve app.db --tls-cert x.pem', 2, '--tls-cert and --tls-key go together'],
  ['serve app.db --token-file /no/such/token', 2, '--token-file names /no/such/token'],
  ['serve app.db --log-max much', 2, 'is no size'],
  ['digest', 2, 'missing required argument'],
  ['follow tcp://127.0.0.1:1 copy.db surplus', 2, 'too many arguments'],
])('stemma %s ends with %d and says "%s"', async (line, exitCode, says) => {
  const run = start(line)
  expect(await run.exitCode).toBe(exitCode)
  expect(run.output() + run.errors()).toContain(says)
  expect(run.calls).toEqual([])
})

test('serve runs until Ctrl-C, then closes its leader and ends with 0', async () => {
  const run = start('serve app.db')
  await opened(run)
  run.tell({ kind: 'listening', url: 'tcp://127.0.0.1:7411' })
  run.press('SIGINT')
  expect(await run.exitCode).toBe(0)
  expect(run.calls).toEqual(['open leader', 'close leader'])
  expect(run.output()).toBe('listening at tcp://127.0.0.1:7411\nstopped\n')
  expect(run.asked.serve).toMatchObject({ database: 'app.db', listen: 'tcp://127.0.0.1:7411', formats: ['wal'], ship: 'synced' })
})

test('serve does not promise statements, which it can not see', async () => {
  const run = start('serve app.db --format row,statement --json')
  expect(await run.exitCode).toBe(1)
  expect(run.calls).toEqual([])
  expect(run.errors()).toContain('stemma: statement tells statements')
  expect(run.errors()).toContain('--statements-as-rows')
  expect(run.records()).toMatchObject([{ event: 'failed', error: { code: 'STATEMENTS_UNSEEN', recovery: 'fix-input' } }])
})

test('serve sends rows under a format of statements when it may, and says so before anything else', async () => {
  const runs = ['', ' --json'].map((json) => start(`serve app.db --format row,statement --statements-as-rows${json}`))
  for (const run of runs) {
    await opened(run)
    expect(run.asked.serve).toMatchObject({ formats: ['row', 'statement'] })
    run.tell({ kind: 'listening', url: 'tcp://127.0.0.1:7411' })
    run.press('SIGINT')
    expect(await run.exitCode).toBe(0)
  }
  expect(runs[0]!.output()).toMatch(/^statement: every commit goes as rows, .*\nlistening at /)
  expect(runs[1]!.records()[0]).toEqual({ event: 'statements-as-rows', formats: ['statement'] })
})

test('follow asks for the format that it was told', async () => {
  const run = start('follow tcp://127.0.0.1:1 copy.db --format statement --page-size 8192')
  await opened(run)
  expect(run.asked.follow).toMatchObject({ format: 'statement', pageSize: 8192 })
  run.press('SIGINT')
  expect(await run.exitCode).toBe(0)
})

test('a second Ctrl-C ends the process at once', async () => {
  const run = start('serve app.db')
  await opened(run)
  run.press('SIGTERM')
  run.press('SIGINT')
  await run.exitCode
  expect(run.exits).toEqual([130])
})

test('a leader that fails is closed, and the command says why and what to do, without a stack', async () => {
  const run = start('serve app.db')
  await opened(run)
  run.tell({ kind: 'failed', error: failure('DAMAGED_FILE', 'page 7 is torn') })
  expect(await run.exitCode).toBe(1)
  expect(run.calls).toEqual(['open leader', 'close leader'])
  expect(run.errors()).toMatch(/^stemma: page 7 is torn\nwhat to do: Run .*\ncode: DAMAGED_FILE\n$/)
})

test('a failure to open is reported the same way, with its stack when STEMMA_DEBUG asks for it', async () => {
  const run = start('follow tcp://127.0.0.1:1 copy.db', { failure: failure('DAMAGED_FILE', 'no'), env: { STEMMA_DEBUG: '1' } })
  expect(await run.exitCode).toBe(1)
  expect(run.errors()).toContain('code: DAMAGED_FILE\n')
  expect(run.errors()).toContain('    at ')
})

test('a system error gets a hint, too', async () => {
  const run = start('serve app.db', { failure: Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE' }) })
  expect(await run.exitCode).toBe(1)
  expect(run.errors()).toContain('what to do: Another program listens there.')
})

test('for programs, failures are records as well', async () => {
  const run = start('serve app.db --json', { failure: failure('DAMAGED_FILE', 'page 7 is torn') })
  expect(await run.exitCode).toBe(1)
  expect(run.records()).toMatchObject([{ event: 'failed', error: { code: 'DAMAGED_FILE', recovery: 'stop' } }])
})

test('follow tells its story in lines when nobody watches', async () => {
  const run = start('follow tcp://127.0.0.1:1 copy.db')
  await opened(run)
  tellStory(run)
  run.press('SIGTERM')
  expect(await run.exitCode).toBe(0)
  expect(run.output()).toBe(
    [
      'connected to tcp://127.0.0.1:1, which is at 1:9',
      'taking a snapshot of 400 KiB at 1:9: this copy is empty',
      'snapshot in place at 1:9',
      'caught up at 1:9',
      'stopped',
      '',
    ].join('\n'),
  )
})

test('follow keeps one line alive at a terminal', async () => {
  const run = start('follow tcp://127.0.0.1:1 copy.db', { isTTY: true })
  await opened(run)
  tellStory(run)
  run.press('SIGINT')
  await run.exitCode
  const living = run.output().split('\r\u001B[2K')
  expect(living).toContainEqual(expect.stringContaining('snapshot  [████████████░░░░░░░░░░░░]   50 %  200 KiB of 400 KiB'))
  expect(living.at(-1)).toBe('following  at 1:9  caught up\nstopped\n')
})

test('follow prints a record for each event, progress at most once a second', async () => {
  const run = start('follow tcp://127.0.0.1:1 copy.db --json')
  await opened(run)
  tellStory(run)
  for (let sequence = 10; sequence < 20; sequence++) {
    run.tell({ kind: 'progress', position: at(sequence), tip: at(20), lagCommits: 20 - sequence, lagSeconds: 0.5 })
    run.pass(300)
  }
  run.press('SIGINT')
  await run.exitCode
  const events = run.records().map((record) => record['event'])
  expect(events.filter((event) => event !== 'progress')).toEqual([
    'connected',
    'snapshot-started',
    'snapshot-progress',
    'snapshot-installed',
    'caught-up',
    'stopped',
  ])
  expect(events.filter((event) => event === 'progress')).toHaveLength(3)
  expect(run.records()[4]).toEqual({ event: 'caught-up', position: '1:9' })
})

test('follow --once ends when the copy has caught up', async () => {
  const run = start('follow tcp://127.0.0.1:1 copy.db --once')
  await opened(run)
  run.tell({ kind: 'caught-up', position: at(3) })
  expect(await run.exitCode).toBe(0)
  expect(run.calls).toEqual(['open follower', 'close follower'])
})

test('the token comes from a file or the environment, and the file wins', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  try {
    const file = join(folder, 'token')
    writeFileSync(file, 'from the file\n')
    const env = { STEMMA_TOKEN: 'from the environment' }
    const first = start(`status tcp://127.0.0.1:1 --token-file ${file}`, { env, status: STATUS })
    const second = start('status tcp://127.0.0.1:1', { env, status: STATUS })
    await Promise.all([first.exitCode, second.exitCode])
    expect([first.asked.status?.token, second.asked.status?.token]).toEqual(['from the file', 'from the environment'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('no option takes the token itself, where other users could read it', async () => {
  const run = start('serve app.db --token canary')
  expect(await run.exitCode).toBe(2)
})

test('status is a page for people and one record for programs', async () => {
  const people = start('status app.db', { status: STATUS })
  const program = start('status app.db --json', { status: STATUS })
  expect([await people.exitCode, await program.exitCode]).toEqual([0, 0])
  expect(people.output()).toMatch(/^position {2}1:42$/m)
  expect(people.output()).toMatch(
    /^statement 1,204 entries, 200 KiB, 12 of them as rows, 1 could not be made since it was opened$/m,
  )
  expect(people.output()).toMatch(/^paris +127\.0\.0\.1:9 +wal +following +1:42 +1:41 +1:40 +2 commits, 0\.3 s$/m)
  expect(program.records()).toMatchObject([{ role: 'leader', position: '1:42', followers: [{ name: 'paris', applied: '1:40' }] }])
})

test('digest compares copies by its exit code', async () => {
  const page = { pageSize: 4096, pageCount: 1 }
  const digests = {
    'a.db': { digest: 255n, position: at(42), ...page },
    'b.db': { digest: 255n, position: undefined, ...page },
    'c.db': { digest: 254n, position: undefined, ...page },
  }
  const same = start('digest a.db b.db', { digests })
  const other = start('digest a.db c.db --json', { digests })
  expect([await same.exitCode, await other.exitCode]).toEqual([0, 3])
  expect(same.output()).toBe('00000000000000ff  1:42  a.db\n00000000000000ff  -  b.db\n')
  expect(other.records()[1]).toEqual({ database: 'c.db', digest: '00000000000000fe', position: null, ...page })
})

function tellStory(run: ReturnType<typeof start>): void {
  run.tell({ kind: 'connected', url: 'tcp://127.0.0.1:1', tip: at(9) })
  run.tell({ kind: 'snapshot-started', position: at(9), pageCount: 100, pageSize: 4096, why: 'this copy is empty' })
  run.pass(1000)
  run.tell({ kind: 'snapshot-progress', done: 50, total: 100 })
  run.tell({ kind: 'snapshot-installed', position: at(9) })
  run.pass(1000)
  run.tell({ kind: 'caught-up', position: at(9) })
}
