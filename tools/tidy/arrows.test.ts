import { expect, test } from 'vitest'
import { importsOf, isTest, type Package, readFiles, readPackages, resolveImport } from './repository.ts'

// ARCHITECTURE.md says which package may see which. Its table is not a picture of the rule: it is the rule.

interface Row {
  readonly sees: ReadonlySet<string>
  readonly testsSee: ReadonlySet<string>
}

const packages = readPackages()
const names = new Set(packages.map((each) => each.name))
const table = readTable()

test('the table in ARCHITECTURE.md lists exactly the packages that exist', () => {
  expect([...table.keys()].toSorted()).toEqual([...names].toSorted())
})

test.each(packages)('$name depends on what its row names, and no more', ({ name, manifest }) => {
  const row = rowOf(name)
  expect(
    ours(manifest.dependencies).filter((each) => !row.sees.has(each)),
    'dependencies',
  ).toEqual([])
  const inTests = new Set([...row.sees, ...row.testsSee])
  expect(
    ours(manifest.devDependencies).filter((each) => !inTests.has(each)),
    'devDependencies',
  ).toEqual([])
})

test.each(packages)('$name imports what its row names and its package.json declares, and stays in its own folder', (each) => {
  const wrong = readFiles(`${each.folder}/**/*.ts`).flatMap(({ path, text }) =>
    importsOf(text).flatMap((name) => {
      const complaint = complaintAbout(each, path, name)
      return complaint === undefined ? [] : [`${path} imports ${name}: ${complaint}`]
    }),
  )
  expect(wrong).toEqual([])
})

test('the arrows go one way: no package sees itself through others', () => {
  const circles = [...table.keys()].filter((name) => reachableFrom(name).has(name))
  expect(circles).toEqual([])
})

test('every tsconfig.json of a package refers to the packages that it depends on', () => {
  const wrong = packages.flatMap(({ name, folder, manifest }) => {
    const [config] = readFiles(`${folder}/tsconfig.json`)
    if (config === undefined || !folder.startsWith('packages/')) return []
    const referred = [...config.text.matchAll(/"path": "\.\.\/([a-z0-9-]+)"/g)].map((match) => `packages/${match[1]}`)
    const needed = ours(manifest.dependencies).map((each) => packages.find((other) => other.name === each)?.folder ?? each)
    return needed.filter((each) => !referred.includes(each)).map((each) => `${name} depends on ${each} and does not refer to it`)
  })
  expect(wrong).toEqual([])
})

function complaintAbout(from: Package, path: string, name: string): string | undefined {
  if (name.startsWith('.')) {
    return resolveImport(path, name).startsWith(`${from.folder}/`) ? undefined : 'this is outside of the package'
  }
  const [scope = '', second = ''] = name.split('/')
  const dependency = scope.startsWith('@') ? `${scope}/${second}` : scope
  if (!names.has(dependency) || dependency === from.name) return undefined
  const row = rowOf(from.name)
  const test = isTest(path)
  if (!row.sees.has(dependency) && !(test && row.testsSee.has(dependency))) return 'its row does not name it'
  const declared = { ...from.manifest.dependencies, ...(test ? from.manifest.devDependencies : {}) }
  if (declared[dependency] === undefined) return 'its package.json does not declare it'
  return name === dependency || name.startsWith(`${dependency}/`) ? undefined : 'only published entries may be imported'
}

function ours(dependencies: Readonly<Record<string, string>> | undefined): string[] {
  return Object.keys(dependencies ?? {}).filter((name) => names.has(name))
}

function rowOf(name: string): Row {
  return table.get(name) ?? { sees: new Set(), testsSee: new Set() }
}

function reachableFrom(name: string): Set<string> {
  const seen = new Set<string>()
  const waiting = [...rowOf(name).sees]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (seen.has(next)) continue
    seen.add(next)
    waiting.push(...rowOf(next).sees)
  }
  return seen
}

/** Rows such as `| \`@stemma/log\` | the contract | base | sqlite-file |`; names may leave out `@stemma/`. */
function readTable(): Map<string, Row> {
  const [file] = readFiles('ARCHITECTURE.md')
  const section = /<!-- packages -->([\s\S]*?)<!-- \/packages -->/.exec(file?.text ?? '')?.[1] ?? ''
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))
  return new Map(
    rows.map((line) => {
      const [, name = '', , sees = '', testsSee = ''] = line.split('|').map((cell) => cell.trim())
      return [name.replaceAll('`', ''), { sees: namesIn(sees), testsSee: namesIn(testsSee) }]
    }),
  )
}

function namesIn(cell: string): Set<string> {
  const list = cell
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'nothing')
  return new Set(list.map((name) => (names.has(name) ? name : `@stemma/${name}`)))
}
