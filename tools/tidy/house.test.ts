import { expect, test } from 'vitest'
import { importsOf, isTest, readFiles, readPackages, resolveImport } from './repository.ts'

const published = readPackages().filter(({ manifest }) => manifest.private !== true)
const sources = readFiles('{packages,apps,examples,tools}/**/*.ts')

test('every package has the licence of the house, is ESM and runs on the Node that the house supports', () => {
  const wrong = readPackages().filter(
    ({ manifest }) => manifest.license !== 'MIT' || manifest.type !== 'module' || manifest.engines?.['node'] !== '>=22.12',
  )
  expect(wrong.map(({ name }) => name)).toEqual([])
})

test.each(published)('$name is published like every other package: built, with types, and with its source', ({ manifest }) => {
  const { '.': main, ...others } = manifest.exports ?? {}
  expect(main).toBe('./src/index.ts')
  // A second door is a folder with an index of its own.
  for (const [entry, source] of Object.entries(others)) expect(source).toBe(`./src/${entry.slice(2)}/index.ts`)
  const built = (source: string, extension: string): string => source.replace('./src/', './dist/').replace(/\.ts$/, extension)
  const entries = Object.entries(manifest.exports ?? {}).map(([entry, source]) => [
    entry,
    { types: built(source, '.d.ts'), default: built(source, '.js') },
  ])
  expect(manifest.publishConfig).toEqual({ ...manifest.publishConfig, access: 'public', exports: Object.fromEntries(entries) })
  expect(manifest.files).toEqual(expect.arrayContaining(['dist', 'src', '!src/**/*.test.ts']))
  expect(manifest.description).toMatch(/^[A-Z].*\.$/)
})

test('everything in apps, examples and tools is private, and so never published by mistake', () => {
  const loose = published.filter(({ folder }) => !folder.startsWith('packages/'))
  expect(loose.map(({ name }) => name)).toEqual([])
})

test('no source file is longer than 400 lines', () => {
  const long = sources.filter(({ path, text }) => !isTest(path) && text.split('\n').length > 401)
  expect(long.map(({ path, text }) => `${path}: ${text.split('\n').length - 1} lines`)).toEqual([])
})

test('no test is marked as the only one, and no package prints by console.log', () => {
  const only = new RegExp(String.raw`\b(?:test|it|describe)\.only\b`)
  const log = new RegExp(String.raw`\bconsole\.(?:log|debug)\(`)
  const wrong = sources.filter(
    ({ path, text }) => only.test(text) || (/^packages\/[^/]+\/src\//.test(path) && !isTest(path) && log.test(text)),
  )
  expect(wrong.map(({ path }) => path)).toEqual([])
})

test('no test is skipped for good; one that needs a program that is missing is left out by skipIf', () => {
  const wrong = sources.flatMap(({ path, text }) =>
    text
      .split('\n')
      .map((line, index) => ({ line, place: `${path}:${index + 1}` }))
      .filter(({ line }) => /\b(?:test|it|describe)\.(?:skip|todo)\(/.test(line)),
  )
  expect(wrong.map(({ place }) => place)).toEqual([])
})

test('no test sleeps', () => {
  const sleeps = /\bsetTimeout\(\s*(?:resolve|done|r)\s*,|from 'node:timers\/promises'|Atomics\.wait\(/
  // Programs that tests run, and kill at a random moment, are no tests.
  const isProgram = (path: string): boolean => path.includes('/e2e/support/')
  const wrong = sources.filter(
    ({ path, text }) => isTest(path) && !isProgram(path) && path.startsWith('packages/') && sleeps.test(text),
  )
  expect(wrong.map(({ path }) => path)).toEqual([])
})

test('files are named by nouns: no utils, helpers, common or misc', () => {
  const vague = /(?:^|[/-])(?:utils?|helpers?|common|misc|manager)(?:[-.]|\/)/
  expect(sources.filter(({ path }) => vague.test(path)).map(({ path }) => path)).toEqual([])
})

test('every source file of a package is imported by another', () => {
  const imported = new Set(sources.flatMap(({ path, text }) => importsOf(text).map((name) => resolveImport(path, name))))
  const named = sources.map(({ text }) => text).join('\n')
  const lonely = sources
    .map(({ path }) => path)
    .filter((path) => path.startsWith('packages/') && path.includes('/src/') && !isTest(path))
    .filter((path) => !/\/(?:index|main|(?:.+-)?worker)\.ts$/.test(path) && !imported.has(path))
    .filter((path) => !named.includes(`/${path.split('/').at(-1)?.replace(/\.ts$/, '')}.`))
  expect(lonely).toEqual([])
})
