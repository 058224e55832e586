import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MINUTES = 60_000

const run = promisify(execFile)

/** What it imports is what is installed there, and none of this package's business: it is told by arguments. */
const FORMATS = `
  const { default: Database } = await import(process.argv[2])
  const { openLeader } = await import(process.argv[3])

  new Database('items.db').exec('CREATE TABLE item (id INTEGER PRIMARY KEY, name)').close()
  const leader = await openLeader({ database: 'items.db', formats: ['wal', 'changeset', 'debezium'], convertToWal: true })
  leader.database.exec("INSERT INTO item (name) VALUES ('tea')")
  await leader.close()
`
const folder = mkdtempSync(join(tmpdir(), 'stemma-packed-'))
const tarballs = join(folder, 'tarballs')
let packed: Promise<void> | undefined

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test(
  'what would be published installs in an empty folder, and the first example and the command run there',
  async () => {
    const app = await install('app')
    cpSync(join(ROOT, 'examples/first/main.ts'), join(app, 'main.ts'))
    const example = await run('node', ['main.ts'], { cwd: app })
    expect(example.stdout).toBe(readFileSync(join(ROOT, 'examples/first/prints.txt'), 'utf8'))

    const command = await run(join(app, 'node_modules/.bin/stemma'), ['digest', 'copy.db', '--json'], { cwd: app })
    expect(JSON.parse(command.stdout)).toMatchObject({ database: 'copy.db' })

    // Formats that are packages of their own are found by their short names.
    writeFileSync(join(app, 'formats.ts'), FORMATS)
    await run('node', ['formats.ts', 'better-sqlite3', 'stemma'], { cwd: app })
    const events = await run(join(app, 'node_modules/.bin/stemma'), ['log', 'export', 'items.db', '--format', 'debezium'], {
      cwd: app,
    })
    expect(events.stdout).toContain('"after":{"id":1,"name":"tea"}')
    const shown = await run(join(app, 'node_modules/.bin/stemma'), ['log', 'show', 'items.db', '--format', 'changeset'], {
      cwd: app,
    })
    expect(shown.stdout).toContain('item: 1 row')
  },
  4 * MINUTES,
)

test(
  "a log format of one's own passes the kit in an empty folder, and a leader and a follower use it there",
  async () => {
    const app = await install('own-format')
    for (const file of ['json-lines.ts', 'checks.ts', 'test.ts', 'use.ts'])
      cpSync(join(ROOT, 'examples/own-format', file), join(app, file))
    const suite = await run('node', ['--test', '--test-reporter=tap', 'test.ts'], { cwd: app })
    expect(suite.stdout).toMatch(/json-lines: \d+ passed, \d+ not applicable, 0 known failures/)
    expect(suite.stdout).toMatch(/^# fail 0$/m)
    const used = await run('node', ['use.ts'], { cwd: app })
    expect(used.stdout).toMatch(/tea[\s\S]*scones/)

    await run(join(app, 'node_modules/.bin/create-stemma-format'), ['my-format'], { cwd: app })
    const { dependencies } = JSON.parse(readFileSync(join(app, 'my-format/package.json'), 'utf8')) as {
      readonly dependencies: object
    }
    expect(Object.values(dependencies)).toEqual(['^0.0.0', '^0.0.0', '^0.0.0'])
    const made = await run('node', ['-e', "console.log((await import('./my-format/my-format.ts')).format.name)"], { cwd: app })
    expect(made.stdout).toBe('my-format\n')
  },
  4 * MINUTES,
)

/** Makes a folder that has nothing but what would be published; every package of ours comes from a tarball. */
async function install(name: string): Promise<string> {
  await (packed ??= pack())
  const app = join(folder, name)
  mkdirSync(app)
  writeFileSync(join(app, 'package.json'), JSON.stringify(manifestOf()))
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], { cwd: app })
  return app
}

async function pack(): Promise<void> {
  mkdirSync(tarballs)
  await run('pnpm', ['build'], { cwd: ROOT })
  await run('pnpm', ['--recursive', '--filter', './packages/*', 'pack', '--pack-destination', tarballs], { cwd: ROOT })
}

function manifestOf(): object {
  const dependencies = readdirSync(tarballs).map((file) => [nameOf(file), `file:${join(tarballs, file)}`])
  return {
    name: 'app',
    private: true,
    type: 'module',
    dependencies: { 'better-sqlite3': '*', ...Object.fromEntries(dependencies) },
  }
}

/** `stemma-format-wal-0.0.0.tgz` holds `@stemma/format-wal`. */
function nameOf(tarball: string): string {
  const name = tarball.replace(/-\d+\.\d+\.\d+.*\.tgz$/, '')
  return name.replace(/^stemma-/, '@stemma/')
}
