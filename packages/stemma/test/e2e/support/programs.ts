import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Runs SQL in a process of its own, which waits for no lock. */
export async function runElsewhere(path: string, sql: string): Promise<void> {
  await run(process.execPath, [fileURLToPath(new URL('./sql-process.ts', import.meta.url)), path, sql])
}

/** Whether a program is on this machine. */
export function hasProgram(name: string): boolean {
  return spawnSync(name, ['--version']).status === 0
}

/** Runs the `sqlite3` program, which waits for no lock, and gives what it prints. */
export async function sqlite3(path: string, sql: string): Promise<string> {
  return (await run('sqlite3', ['-bail', path, sql], { maxBuffer: 64 * 1024 * 1024 })).stdout
}
