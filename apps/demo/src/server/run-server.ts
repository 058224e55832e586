import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { servePage } from './serve.ts'

interface RunOptions {
  readonly database: string | undefined
  readonly formats: readonly string[]
  /** Which of Stemma's own; all when undefined. */
  readonly only: readonly string[] | undefined
  readonly rate: number
  readonly port: number
  /** Opens the page in the browser, where somebody sits at a terminal. */
  readonly mayOpen: boolean
}

/** Serves the page until it is told to stop; then nothing of it is left. */
export async function runServer({ mayOpen, ...options }: RunOptions): Promise<void> {
  console.log('Setting the stage: a leader, and followers in every format…')
  const stopping = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), once(process, 'SIGHUP')])
  const opening = servePage(options)
  // Told to stop before it is open, it opens first: then everything can be closed in order.
  const served = await opening
  console.log(`\n  ${served.url}\n\nThe address is for you: who has it can do what you can. Ctrl-C ends the demo.`)
  if (mayOpen && process.stdout.isTTY) openBrowser(served.url)
  await stopping
  console.log('\nStriking the stage…')
  // Whoever presses Ctrl-C again does not want to wait.
  process.once('SIGINT', () => process.exit(130))
  await served.close()
  process.exit(0)
}

function openBrowser(url: string): void {
  const [program, ...first] = BROWSERS[process.platform] ?? ['xdg-open']
  if (program === undefined) return
  const browser = spawn(program, [...first, url], { stdio: 'ignore', detached: true })
  // Without one, the address is there to be copied.
  browser.on('error', () => {})
  browser.unref()
}

const BROWSERS: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
}
