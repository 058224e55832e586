import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readApis, showApi } from './api-report.ts'
import { readFiles } from './repository.ts'

const apis = readApis()
const page = (folder: string): string => `docs/api/${posix.basename(folder)}.md`

describe.each(apis)('$name', (api) => {
  // `pnpm test -u` writes the page anew.
  test('exports what its page says', async () => {
    await expect(showApi(api)).toMatchFileSnapshot(`../../${page(api.folder)}`)
  })

  test('says of every export what it is', () => {
    const mute = api.entries.flatMap((entry) => entry.exports.filter(({ comment }) => comment === '').map(({ name }) => name))
    expect(mute).toEqual([])
  })

  test('exports something, and nothing twice', () => {
    for (const { name, exports } of api.entries) {
      const names = exports.map((each) => each.name)
      expect(names.length, name).toBeGreaterThan(0)
      expect(
        names.filter((each, index) => names.indexOf(each) !== index),
        name,
      ).toEqual([])
    }
  })
})

test('no page is about a package that is not published', () => {
  expect(readFiles('docs/api/*.md').map(({ path }) => path)).toEqual(apis.map(({ folder }) => page(folder)).toSorted())
})
