import { randomBytes, timingSafeEqual } from 'node:crypto'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { getCookie, setCookie } from 'hono/cookie'
import { HTTPException } from 'hono/http-exception'
import { streamSSE } from 'hono/streaming'
import { SCENES, sceneOf, worldOf } from '../scenes/catalogue.ts'
import type { ScenePlayer } from '../scenes/scene-player.ts'
import { compare } from '../stage/comparison.ts'
import type { Stage } from '../stage/stage.ts'
import type { Broadcast } from './broadcast.ts'
import { showCsv } from './csv.ts'
import type { PageFiles } from './page-files.ts'
import { count, linkMode, optionalText, record, text } from './request-fields.ts'

/** What a request may hold, in bytes: SQL that a person types. */
const BODY_BYTES_MAX = 256 * 1024
const CLIENTS_MAX = 32
const COOKIE = 'stemma_demo'
const RATE_MAX = 2_000
const TRANSACTIONS_MAX = 5_000
const ENTRIES_MAX = 50
const LATE_MS_MAX = 5_000

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const

interface AppParts {
  readonly stage: Stage
  readonly scenes: ScenePlayer
  readonly broadcast: Broadcast
  readonly page: PageFiles
  /** Whoever has it may do what the page can, which is to run any SQL as the user who started the demo. */
  readonly key: string
}

export function newKey(): string {
  return randomBytes(16).toString('base64url')
}

/** The demo's web server, but for its socket. */
export function newApp({ stage, scenes, broadcast, page, key }: AppParts): Hono {
  const app = new Hono()
  app.use(async (context, next) => {
    await next()
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value)
  })
  app.use(onlyFromHere)
  app.use(onlyWithKey(key))
  app.use('/api/*', bodyLimit({ maxSize: BODY_BYTES_MAX }))
  app.onError((error, context) => {
    if (error instanceof HTTPException) return context.json({ error: error.message }, error.status)
    return context.json({ error: error.message }, 400)
  })
  app.notFound((context) => context.json({ error: 'there is nothing here' }, 404))
  servePage(app, page)
  serveFeed(app, stage, broadcast)
  serveDeeds(app, stage)
  serveScenes(app, scenes)
  serveReadings(app, stage)
  return app
}

function servePage(app: Hono, page: PageFiles): void {
  app.get('/', (context) => context.html(page.html))
  app.get('/assets/:name', (context) => {
    const file = page.files.get(context.req.param('name'))
    if (file === undefined) return context.notFound()
    return context.body(file.text, 200, { 'content-type': file.type })
  })
}

/** The state when it changes, and notes as they come, as server-sent events. */
function serveFeed(app: Hono, stage: Stage, broadcast: Broadcast): void {
  app.get('/api/events', (context) => {
    if (broadcast.clients >= CLIENTS_MAX) throw new HTTPException(503, { message: `${CLIENTS_MAX} pages are open already` })
    return streamSSE(context, async (stream) => {
      const gone = Promise.withResolvers<void>()
      // A client that does not read gets the newest state when it reads again, and not all that it missed.
      let isBusy = false
      const leave = broadcast.join((event) => {
        if (isBusy) return
        isBusy = true
        stream
          .writeSSE({ event: 'state', data: event })
          .catch(() => gone.resolve())
          .finally(() => (isBusy = false))
      }, gone.resolve)
      stream.onAbort(() => gone.resolve())
      await stage.refresh()
      await stream.writeSSE({ event: 'state', data: JSON.stringify({ state: stage.state, notes: stage.notes }) })
      await gone.promise
      leave()
    })
  })
}

function serveDeeds(app: Hono, stage: Stage): void {
  const deed = (path: string, act: (body: Record<string, unknown>, context: Context) => unknown): void => {
    app.post(path, async (context) => {
      const body = record(await context.req.json().catch(() => undefined))
      return context.json({ result: (await act(body, context)) ?? null })
    })
  }
  const idOf = (context: Context): string => context.req.param('id') ?? ''
  deed('/api/load', async (body) => {
    if (stage.comparing !== undefined) throw new Error('a comparison is running; it has the stage for itself')
    const sql = optionalText(body, 'sql')
    await stage.setLoad({
      workload: text(body, 'workload'),
      rate: count(body, 'rate', RATE_MAX),
      ...(sql === undefined ? {} : { sql }),
    })
  })
  deed('/api/compare', async (body) => {
    const transactions = body['transactions'] === undefined ? undefined : count(body, 'transactions', TRANSACTIONS_MAX)
    const { id } = await compare(stage, { workload: text(body, 'workload'), sql: optionalText(body, 'sql'), transactions })
    return { id }
  })
  deed('/api/followers', async (body) => ({ id: (await stage.add(text(body, 'kind'))).id }))
  deed('/api/followers/:id/link', (body, context) => stage.setLink(idOf(context), linkMode(body)))
  deed('/api/followers/:id/kill', (_body, context) => stage.kill(idOf(context)))
  deed('/api/followers/:id/start', (_body, context) => stage.start(idOf(context)))
  deed('/api/followers/:id/remove', (_body, context) => stage.remove(idOf(context)))
  deed('/api/followers/:id/verify', (_body, context) => stage.verify(idOf(context)))
  deed('/api/followers/:id/resync', (_body, context) => stage.resync(idOf(context)))
  deed('/api/leaders/:id/restart', (_body, context) => stage.restartLeader(idOf(context)))
  deed('/api/sql', (body) => stage.sql(text(body, 'node'), text(body, 'sql')))
}

function serveScenes(app: Hono, scenes: ScenePlayer): void {
  app.get('/api/scenes', (context) => context.json({ scenes: SCENES, worlds: SCENES.map(({ id }) => worldOf(sceneOf(id))) }))
  app.post('/api/scenes', async (context) => {
    const body = record(await context.req.json().catch(() => undefined))
    const timeZone = text(body, 'timeZone')
    if (!/^[A-Za-z_/+-]{1,40}$/.test(timeZone)) throw new TypeError('timeZone must be a name as IANA has it')
    const world = { lateMs: count(body, 'lateMs', LATE_MS_MAX), timeZone }
    return context.json({ result: await scenes.play(count(body, 'id', SCENES.length - 1), world) })
  })
}

function serveReadings(app: Hono, stage: Stage): void {
  app.get('/api/state', (context) => context.json(stage.state))
  app.get('/api/log', async (context) => {
    const { kind = '', limit = '10' } = context.req.query()
    return context.json(await stage.log(kind, Math.min(ENTRIES_MAX, Number(limit) || 10)))
  })
  app.get('/api/comparisons/:file', (context) => {
    const [, id, ending] = /^(\d+)\.(json|csv)$/.exec(context.req.param('file')) ?? []
    const found = stage.comparisons.find((each) => each.id === Number(id))
    if (found === undefined) return context.notFound()
    const name = `stemma-${found.workload.id}-${found.id}.${ending}`
    context.header('content-disposition', `attachment; filename="${name}"`)
    return ending === 'csv'
      ? context.body(showCsv(found), 200, { 'content-type': 'text/csv; charset=utf-8' })
      : context.json(found)
  })
}

/** A page of somebody else's, in the same browser, gets nothing: neither by its own name for this machine, nor by a form. */
const onlyFromHere: MiddlewareHandler = async (context, next) => {
  const host = (context.req.header('host') ?? '').replace(/:\d+$/, '')
  if (host !== '127.0.0.1' && host !== 'localhost') throw new HTTPException(403, { message: 'the demo is for this machine only' })
  if (context.req.method === 'POST') {
    const isOurs = context.req.header('origin') === new URL(context.req.url).origin
    const isJson = (context.req.header('content-type') ?? '').startsWith('application/json')
    if (!isOurs || !isJson) throw new HTTPException(403, { message: 'only the demo’s own page may ask for this' })
  } else if (context.req.method !== 'GET') throw new HTTPException(405, { message: 'only GET and POST' })
  await next()
}

/** The address that the demo prints has the key in it; a cookie remembers it. Others on this machine don't have it. */
function onlyWithKey(key: string): MiddlewareHandler {
  const isRight = (given: string | undefined): boolean => {
    const [mine, theirs] = [Buffer.from(key), Buffer.from(given ?? '')]
    return mine.byteLength === theirs.byteLength && timingSafeEqual(mine, theirs)
  }
  return async (context, next) => {
    if (context.req.path === '/' && isRight(context.req.query('key'))) {
      setCookie(context, COOKIE, key, { httpOnly: true, sameSite: 'Strict', path: '/' })
      return context.redirect('/')
    }
    if (!isRight(getCookie(context, COOKIE))) {
      throw new HTTPException(401, { message: 'open the demo by the whole address that it printed, with its key' })
    }
    return await next()
  }
}
