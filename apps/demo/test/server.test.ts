import { connect } from 'node:net'
import { once } from 'node:events'
import { text as readText } from 'node:stream/consumers'
import { expect, test as base } from 'vitest'
import { call, childrenOf, type Demo, startDemo } from './demo-fixture.ts'

const test = base.extend<{ demo: Demo }>({
  demo: [
    // oxlint-disable-next-line no-empty-pattern -- vitest reads what a fixture needs from this pattern
    async ({}, use) => {
      const demo = await startDemo('--rate', '5', '--only', 'wal,row')
      await use(demo)
      await demo.stop()
    },
    { scope: 'file' },
  ],
})

test('who does not have the key of the address gets nothing', async ({ demo }) => {
  for (const path of ['/', '/?key=wrong', '/api/state', '/api/events', '/assets/index.js']) {
    expect([path, (await fetch(demo.origin + path)).status]).toEqual([path, 401])
  }
  expect((await fetch(demo.url, { redirect: 'manual' })).status).toBe(302)
})

test('a page of another origin can do nothing, not even with the cookie', async ({ demo }) => {
  const post = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${demo.origin}/api/leaders/mixed/restart`, {
      method: 'POST',
      headers: { cookie: demo.cookie, ...headers },
      body: '{}',
    })
  const json = { 'content-type': 'application/json' }
  expect((await post({ ...json, origin: 'http://evil.example' })).status).toBe(403)
  expect((await post(json)).status).toBe(403)
  expect((await post({ origin: demo.origin, 'content-type': 'text/plain' })).status).toBe(403)
  expect(await raw(demo, `GET /?key=x HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`)).toContain('403')
})

test('every answer forbids the page to ask anybody else for anything', async ({ demo }) => {
  const { headers } = await fetch(demo.origin, { headers: { cookie: demo.cookie } })
  const policy = headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toContain('unsafe')
})

test('junk is answered with what was wrong, and the demo goes on', async ({ demo }) => {
  const requests: readonly [path: string, body: unknown][] = [
    ['load', []],
    ['load', { workload: 'inserts', rate: 1e9 }],
    ['load', { workload: 'nothing', rate: 1 }],
    ['compare', { workload: 'nothing' }],
    ['followers', { kind: 'nothing' }],
    ['followers/nobody/kill', {}],
    ['followers/wal/link', { kind: 'melted' }],
    ['followers/wal/link', { kind: 'slow', bytesPerSecond: -1 }],
    ['sql', { node: 'leader', sql: 'SELEKT' }],
    ['sql', { node: 'wal', sql: 'DELETE FROM stock' }],
    ['sql', { node: 'leader', sql: 7 }],
  ]
  for (const [path, body] of requests) {
    const answer = await call(demo, path, body)
    expect([path, answer.status]).toEqual([path, 400])
    expect(answer.body['error']).toEqual(expect.any(String))
  }
  const head = `POST /api/sql HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: ${demo.cookie}\r\nContent-Type: application/json\r\n`
  const size = 'Origin: http://127.0.0.1\r\nContent-Length: 300000\r\nConnection: close\r\n\r\n'
  expect(await raw(demo, head + size + 'x'.repeat(300_000))).toContain('413')
  expect((await call(demo, 'nowhere')).status).toBe(404)
  expect((await call(demo, 'comparisons/..%2f1.json')).status).toBe(404)
  await raw(demo, '\0\x01garbage\r\n\r\n')
  await raw(demo, 'GET / HTTP/1.1\r\n')
  expect((await call(demo, 'state')).status).toBe(200)
})

test('many pages at once and many reloads are served, and too many are told so', async ({ demo }) => {
  const headers = { cookie: demo.cookie }
  for (let reload = 0; reload < 40; reload++) {
    const stop = new AbortController()
    await fetch(`${demo.origin}/api/events`, { headers, signal: stop.signal })
    stop.abort()
  }
  const stop = new AbortController()
  const statuses = new Set<number>()
  await expect
    .poll(async () => {
      statuses.add((await fetch(`${demo.origin}/api/events`, { headers, signal: stop.signal })).status)
      return [...statuses].toSorted((a, b) => a - b)
    }, POLL)
    .toEqual([200, 503])
  stop.abort()
  await expect
    .poll(async () => {
      const again = new AbortController()
      const { status } = await fetch(`${demo.origin}/api/events`, { headers, signal: again.signal })
      again.abort()
      return status
    }, POLL)
    .toBe(200)
})

test(
  'SQL that never ends costs its process, which comes back, and the followers go on',
  { timeout: 90_000 },
  async ({ demo }) => {
    const endless = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n'
    const { status, body } = await call(demo, 'sql', { node: 'leader', sql: endless })
    expect([status, String(body['error'])]).toEqual([400, expect.stringContaining('killed')])
    await expect.poll(async () => (await call(demo, 'sql', { node: 'leader', sql: 'SELECT 1' })).status, POLL).toBe(200)
    await expect
      .poll(async () => {
        const { followers } = (await call(demo, 'state')).body as { followers: { state: string }[] }
        return followers.map(({ state }) => state)
      }, POLL)
      .toEqual(['following', 'following'])
  },
)

test('told to stop, it ends with 0 and leaves no process and no file', async ({ demo }) => {
  expect(childrenOf(demo.pid).length).toBeGreaterThanOrEqual(3)
  expect(await demo.stop()).toEqual({ code: 0, folders: [], children: [] })
})

const POLL = { timeout: 60_000, interval: 100 }

/** Sends bytes, and gives back whatever comes until the server hangs up. */
async function raw(demo: Demo, bytes: string): Promise<string> {
  const { hostname, port } = new URL(demo.origin)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.on('error', () => {})
  socket.end(bytes, 'latin1')
  return await readText(socket).catch(() => '')
}
