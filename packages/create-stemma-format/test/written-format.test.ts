import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { writeFormat } from '../src/index.ts'

const HERE = fileURLToPath(new URL('..', import.meta.url))
const TSC = fileURLToPath(new URL('../../../node_modules/.bin/tsc', import.meta.url))
const run = promisify(execFile)

test.each(['my-format', 'await'])(
  'a format that is written as %s is built as it stands, and passes the kit',
  async (name) => {
    await inFolder(async (folder) => {
      const { files } = await writeFormat(join(folder, name))
      expect(files).toEqual(['README.md', 'checks.ts', 'package.json', `${name}.ts`, 'test.ts', 'tsconfig.json'].toSorted())
      // What npm install would bring.
      symlinkSync(join(HERE, 'node_modules'), join(folder, 'node_modules'))
      await run(TSC, [], { cwd: join(folder, name) })
      const built = (await import(pathToFileURL(join(folder, name, 'dist', `${name}.js`)).href)) as { format: { name: string } }
      expect(built.format.name).toBe(name)
      if (name !== 'my-format') return
      const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap', 'test.ts'], { cwd: join(folder, name) })
      expect(stdout).toMatch(/my-format: \d+ passed, \d+ not applicable, 0 known failures/)
    })
  },
  120_000,
)

test('nothing of the template is left in what is written', async () => {
  await inFolder(async (folder) => {
    const { files } = await writeFormat(join(folder, 'other'))
    for (const file of files) expect(readFileSync(join(folder, 'other', file), 'utf8')).not.toMatch(/json-?lines/i)
  })
})

test('a folder that has something in it is left alone', async () => {
  await inFolder(async (folder) => {
    writeFileSync(join(folder, 'precious.txt'), '')
    await expect(writeFormat(folder)).rejects.toThrow()
    expect(readdirSync(folder)).toEqual(['precious.txt'])
  })
})

test('the command writes a format and says what to do next, or says what is wrong', async () => {
  await inFolder(async (folder) => {
    const command = (...words: readonly string[]): ReturnType<typeof run> =>
      run(process.execPath, [join(HERE, 'src/main.ts'), ...words], { cwd: folder })
    expect((await command('mine')).stdout).toContain('cd mine\n  npm install\n  npm test\n')
    expect(existsSync(join(folder, 'mine/mine.ts'))).toBe(true)
    await expect(command('mine')).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('not empty') })
    await expect(command()).rejects.toMatchObject({ code: 2 })
  })
})

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'format-'))
  try {
    await body(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
