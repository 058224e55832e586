import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const run = promisify(execFile)

test('what would be published installs in an empty folder, and the first example and the command run there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-packed-'))
  try {
    const tarballs = join(folder, 'tarballs')
    mkdirSync(tarballs)
    await run('pnpm', ['build'], { cwd: ROOT })
    await run('pnpm', ['--recursive', '--filter', './packages/*', 'pack', '--pack-destination', tarballs], { cwd: ROOT })

    const app = join(folder, 'app')
    mkdirSync(app)
    writeFileSync(join(app, 'package.json'), JSON.stringify(manifestOf(tarballs)))
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'], { cwd: app })

    copyFileSync(join(ROOT, 'examples/first/main.ts'), join(app, 'main.ts'))
    const example = await run('node', ['main.ts'], { cwd: app })
    expect(example.stdout).toBe(readFileSync(join(ROOT, 'examples/first/prints.txt'), 'utf8'))

    const command = await run(join(app, 'node_modules/.bin/stemma'), ['digest', 'copy.db', '--json'], { cwd: app })
    expect(JSON.parse(command.stdout)).toMatchObject({ database: 'copy.db' })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}, 180_000)

/** A program's package.json that takes every package of ours from a tarball. */
function manifestOf(tarballs: string): object {
  const files = readdirSync(tarballs)
  const dependencies = files.map((file) => [nameOf(file), `file:${join(tarballs, file)}`])
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
