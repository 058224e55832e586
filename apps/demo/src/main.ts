import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const HELP = `Usage: pnpm demo [--database FILE] [--format F] [--rate N] [--port N] [--no-open]
       pnpm demo --once [--json] [--database FILE] [--rate N] [--scene MS] [--compare LIST]

One leader, and a follower in every format, each in a process of its own: real files, real TCP. The page shows them live, compares the formats,
looks into their logs and lets you break things.

  --database FILE  use a copy of this database instead of a small shop; the file itself is only read
  --format F       also a follower by this format: a name, or a module such as ./mine.js; may be given more than once
  --only LIST      of wal,row,mixed,record,raw only these, for a small machine (all)
  --rate N         transactions a second that are written meanwhile (page: 20; --once: 1000)
  --port N         where the page is served, on this machine only (a free one)
  --no-open        don't open the page in the browser

  --once           no page: the same as a report here; exits with 0 only when every copy that promises it is
                   equal, and every scene of the catalogue came out as it says
  --json           with --once: nothing but one line of JSON
  --scene MS       with --once: for how long each scene is watched (1500)
  --pitfalls LIST  with --once: which scenes of the catalogue of nondeterminism are played, such as 1,4, or none (all)
  --compare LIST   with --once: which workloads are compared, such as inserts,bulk (all)`

const { values: flags } = parseArgs({
  options: {
    once: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    database: { type: 'string' },
    format: { type: 'string', multiple: true, default: [] },
    only: { type: 'string' },
    pitfalls: { type: 'string', default: 'all' },
    rate: { type: 'string' },
    compare: { type: 'string' },
    scene: { type: 'string', default: '1500' },
    port: { type: 'string', default: '0' },
    'no-open': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

// Seven processes run the same source: what comes of stripping its types is kept. What is not asked for is not loaded.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('../node_modules/.cache/compile', import.meta.url))
enableCompileCache(process.env['NODE_COMPILE_CACHE'])

if (flags.help) console.log(HELP)
else if (flags.once) {
  const { playOnce } = await import('./report/play-once.ts')
  const { database, json, format: formats } = flags
  const isTrue = await playOnce({
    database,
    formats,
    only: flags.only?.split(','),
    json,
    rate: toCount(flags.rate ?? '1000', '--rate'),
    sceneMs: toCount(flags.scene, '--scene'),
    pitfalls: toNumbers(flags.pitfalls),
    workloads: flags.compare?.split(','),
  })
  process.exitCode = isTrue ? 0 : 1
} else {
  const { runServer } = await import('./server/run-server.ts')
  const { database, format: formats, 'no-open': isQuiet } = flags
  const [rate, port] = [toCount(flags.rate ?? '20', '--rate'), toCount(flags.port, '--port')]
  await runServer({ database, formats, only: flags.only?.split(','), rate, port, mayOpen: !isQuiet })
}

function toNumbers(list: string): 'all' | number[] {
  if (list === 'all') return 'all'
  return list === 'none' ? [] : list.split(',').map((text) => toCount(text, '--pitfalls'))
}

function toCount(text: string, name: string): number {
  const count = Number(text)
  if (Number.isSafeInteger(count) && count >= 0) return count
  console.error(`${name} takes a whole number, not ${JSON.stringify(text)}`)
  process.exit(2)
}
