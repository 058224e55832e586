import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** The demo as people start it, in a process of its own. */
export interface Demo {
  /** The whole address, with its key. */
  readonly url: string
  readonly origin: string
  readonly pid: number
  /** Cookie of somebody who has opened the address. */
  readonly cookie: string
  /** Ends it as Ctrl-C does, and says what it left. */
  stop(): Promise<{ readonly code: number | null; readonly folders: readonly string[]; readonly children: readonly number[] }>
}

export async function startDemo(...args: readonly string[]): Promise<Demo> {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  const child = spawn(process.execPath, [MAIN, '--no-open', ...args], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit') as Promise<[number | null]>
  const url = await urlOf(child)
  const { origin } = new URL(url)
  const answer = await fetch(url, { redirect: 'manual' })
  const cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  let stopping: ReturnType<Demo['stop']> | undefined
  const stop = async (): ReturnType<Demo['stop']> => {
    const children = childrenOf(child.pid ?? 0)
    child.kill('SIGINT')
    const [code] = await exited
    const folders = readdirSync(folder).filter((name) => name.startsWith('stemma-demo-'))
    rmSync(folder, { recursive: true, force: true })
    return { code, folders, children: children.filter(isAlive) }
  }
  return { url, origin, pid: child.pid ?? 0, cookie, stop: () => (stopping ??= stop()) }
}

async function urlOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('its output is not piped')
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /http:\/\/\S+/.exec(line)?.[0]
    if (url !== undefined) return url
  }
  throw new Error('the demo ended without an address')
}

/** Asks the demo's API as its page does. */
export async function call(demo: Demo, path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = { cookie: demo.cookie, origin: demo.origin, 'content-type': 'application/json' }
  const post = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
  const answer = await fetch(`${demo.origin}/api/${path}`, { headers, ...post })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

/** Processes that a process has started, where the system tells. */
export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

function isAlive(pid: number): boolean {
  try {
    // One that has ended and was not waited for is a zombie, and no process any more.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
