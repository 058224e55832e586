import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { comparePositions, openChanges, openFollower, openLeader } from '../../src/index.ts'
import { ACCOUNTS, makeDatabase, moveMoney, newFolder } from './support/folder.ts'
import { expectEqual } from './support/proof.ts'
import { openProxy } from './support/proxy.ts'
import { runElsewhere } from './support/programs.ts'

test('a follower at ws:// takes a snapshot, follows, and goes on where it was after each break', async () => {
  const folder = newFolder()
  const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
  makeDatabase(app, `${ACCOUNTS}; CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)`)
  const token = 'correct horse battery staple'
  const leader = await openLeader({ database: app, listen: 'ws://127.0.0.1:0', token, thread: 'same' })
  onTestFinished(() => leader.close())
  expect(leader.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/)
  leader.database.exec('INSERT INTO t (x) VALUES (zeroblob(3000000))')
  const proxy = await openProxy(leader.url)
  const follower = await openFollower({ url: proxy.url.replace('tcp:', 'ws:'), database: copy, token })
  onTestFinished(() => follower.close())
  for (let round = 0; round < 3; round++) {
    proxy.cut('down')
    for (let i = 0; i < 100; i++) moveMoney(leader.database)
    leader.database.exec('UPDATE t SET x = randomblob(2000000)')
    proxy.up()
    await leader.waitFor({ level: 'durable', timeoutMs: 20_000 })
    await expectEqual(app, copy)
  }
})

test('changes are read at ws:// too', async () => {
  const app = join(newFolder(), 'app.db')
  makeDatabase(app, 'CREATE TABLE t (a)')
  const leader = await openLeader({ database: app, listen: 'ws://127.0.0.1:0', formats: ['row'], thread: 'same' })
  onTestFinished(() => leader.close())
  const changes = await openChanges({ url: leader.url })
  onTestFinished(() => changes.close())
  leader.database.exec('INSERT INTO t VALUES (1)')
  const tip = await leader.waitFor({ followers: 0 })
  for await (const commit of changes) {
    if (comparePositions(commit.position, tip) >= 0) return
  }
})

test('`stemma serve --listen ws://` and `stemma follow ws://` keep a copy', async () => {
  const folder = newFolder()
  const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
  makeDatabase(app, 'CREATE TABLE t (a)')
  const url = await serve(app)
  await run('follow', url, copy, '--once')
  await runElsewhere(app, 'INSERT INTO t VALUES (42)')
  await run('follow', url, copy, '--once')
  await expectEqual(app, copy)
  expect(JSON.parse((await run('status', url, '--json')).stdout)).toMatchObject({ role: 'leader' })
})

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

function run(...args: readonly string[]): Promise<{ readonly stdout: string }> {
  return promisify(execFile)(process.execPath, [MAIN, ...args])
}

/** Serves until the test is over. Resolves with where it listens. */
async function serve(database: string): Promise<string> {
  const args = ['serve', database, '--listen', 'ws://127.0.0.1:0', '--json']
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  onTestFinished(async () => {
    child.kill()
    await ended
  })
  return await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      const { event, url } = JSON.parse(text) as { readonly event?: string; readonly url?: string }
      if (event === 'listening' && url !== undefined) resolve(url)
    })
    void ended.then(() => reject(new Error('stemma serve has ended')))
  })
}
