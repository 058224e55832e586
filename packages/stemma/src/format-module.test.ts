import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StemmaError } from '@stemma/base'
import { expect, onTestFinished, test } from 'vitest'
import { namesModule } from './format-module.ts'
import { loadFormats } from './formats.ts'

const SOUND = "name: 'own', version: 2, reads: [1, 2], view: 'rows', encode() {}, decode() {}, describe() {}"

function moduleOf(source: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'format.mjs')
  writeFileSync(path, source)
  return path
}

async function outcomeOf(names: readonly string[]): Promise<string> {
  try {
    return (await loadFormats(names, { database: 'app.db' })).map(({ name }) => name).join()
  } catch (error) {
    return StemmaError.is(error) ? error.code : String(error)
  }
}

test.each<[string, string]>([
  ['as `format`', `export const format = { ${SOUND} }`],
  ['by default', `export default { ${SOUND} }`],
  ['as a function that makes it', `export const format = ({ database }) => ({ ${SOUND}, name: database.replace('.', '-') })`],
  ['as a function that takes its time', `export default async () => ({ ${SOUND} })`],
  ['that is a feed', `export const format = { ${SOUND}, decode: undefined, isFeedOnly: true }`],
  ['by pages', `export const format = { ${SOUND}, view: 'pages', decode: undefined, apply() {} }`],
])('a module may export a format %s', async (title, source) => {
  expect(await outcomeOf([moduleOf(source)])).toBe(title.includes('makes') ? 'app-db' : 'own')
})

test.each<[string, string, string]>([
  ['exports nothing', 'export const other = 1', 'BAD_FORMAT'],
  ['exports a text', "export default 'wal'", 'BAD_FORMAT'],
  ['fails while it is loaded', 'throw new Error()', 'BAD_FORMAT'],
  ['is no JavaScript', 'export const =', 'BAD_FORMAT'],
  ['needs a module that is not there', "import 'stemma-format-nowhere'", 'BAD_FORMAT'],
  ['fails to make it', 'export const format = () => { throw new Error() }', 'BAD_FORMAT'],
  ['gives it a name that entries can not carry', `export default { ${SOUND}, name: 'Own Format' }`, 'BAD_FORMAT'],
  ['gives it the name of another', `export default { ${SOUND}, name: 'wal' }`, 'BAD_FORMAT'],
  ['gives it no version', `export default { ${SOUND}, version: '1' }`, 'BAD_FORMAT'],
  ['does not read what it writes', `export default { ${SOUND}, reads: [1] }`, 'BAD_FORMAT'],
  ['looks at what there is not', `export default { ${SOUND}, view: 'bytes' }`, 'BAD_FORMAT'],
  ['can not encode', `export default { ${SOUND}, encode: 1 }`, 'BAD_FORMAT'],
  ['can not decode, and says nothing of it', `export default { ${SOUND}, decode: undefined }`, 'BAD_FORMAT'],
])('a module that %s is refused', async (_title, source, code) => {
  expect(await outcomeOf([moduleOf(source)])).toBe(code)
})

test.each(['./nowhere.js', '/nowhere.js', '@stemma/nowhere', 'stemma-format-nowhere', 'nowhere', 'constructor'])(
  'what is not there is UNKNOWN_FORMAT: %s',
  async (name) => {
    expect(await outcomeOf([name])).toBe('UNKNOWN_FORMAT')
  },
)

test('our own packages are loaded by their short names, and no two formats have one name', async () => {
  expect(await outcomeOf(['wal', 'changeset'])).toBe('wal,changeset')
  expect(await outcomeOf(['@stemma/format-changeset'])).toBe('changeset')
  expect(await outcomeOf(['changeset', '@stemma/format-changeset'])).toBe('BAD_ARGUMENT')
})

test('short names of formats are no modules', () => {
  expect(['wal', 'row', 'my-format', 'fs', 'better-sqlite3'].filter(namesModule)).toEqual([])
})
