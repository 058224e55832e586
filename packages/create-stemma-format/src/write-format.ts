import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'

/** A package that was written. */
export interface NewFormat {
  /** The format's name, as entries and command lines have it. */
  readonly name: string
  readonly folder: string
  /** In the folder. */
  readonly files: readonly string[]
}

const TEMPLATE = new URL('../template/', import.meta.url)
const MANIFEST = new URL('../package.json', import.meta.url)
/** What the format of the template is called there. */
const TEMPLATE_NAME = 'json-lines'
const NAME = /^[a-z][a-z0-9-]{0,31}$/

/**
 * Writes a package with a log format that works as it stands, its test and its README, into a folder that is empty or not there yet. The
 * last part of the folder's path becomes the format's name.
 *
 * @throws Error when the folder has something in it, or a name that no format can have
 */
export async function writeFormat(folder: string): Promise<NewFormat> {
  const path = resolve(folder)
  const name = formatNameOf(path)
  await mkdir(path, { recursive: true })
  const there = await readdir(path)
  if (there.length > 0) throw new Error(`${folder} is not empty: it has ${there.slice(0, 3).join(', ')}`)
  const files = new Map<string, string>([['package.json', await showManifest(name)]])
  for (const file of await readdir(TEMPLATE)) {
    const text = await readFile(new URL(file, TEMPLATE), 'utf8')
    files.set(renamed(file.replace(/\.txt$/, ''), name), renamed(text, name))
  }
  for (const [file, text] of files) await writeFile(join(path, file), text)
  return { name, folder: path, files: [...files.keys()].toSorted() }
}

/**
 * The name that a format in this folder has.
 *
 * @throws Error when no format can have it
 */
export function formatNameOf(folder: string): string {
  const name = basename(folder).replace(/^stemma-format-/, '')
  if (NAME.test(name)) return name
  throw new Error(
    `a format can't be called ${JSON.stringify(name)}: its name is 1 to 32 lower-case letters, digits and dashes, and begins with a letter`,
  )
}

function renamed(text: string, name: string): string {
  return text.replaceAll(TEMPLATE_NAME, name).replaceAll('jsonLines', camelCaseOf(name))
}

function camelCaseOf(name: string): string {
  const camel = name.replaceAll(/-+(.?)/g, (_, letter: string) => letter.toUpperCase())
  return TAKEN.has(camel) ? `${camel}Format` : camel
}

/** Names of formats that no variable can have, or that others of the template have. */
const TAKEN: ReadonlySet<string> = new Set(
  'await break case catch class const continue debugger default delete do else enum export extends false finally for format function hex if implements import in instanceof integer interface let linesOf list new null number object oneOf optional package private protected public return static super switch text this throw true try typeof var void while with yield test describe'.split(
    ' ',
  ),
)

/** The versions of our packages are those that this one was published with. */
async function showManifest(name: string): Promise<string> {
  const { devDependencies } = JSON.parse(await readFile(MANIFEST, 'utf8')) as {
    readonly devDependencies: Readonly<Record<string, string>>
  }
  const versions = (...names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.map((each) => [each, publishedVersion(devDependencies[each])]))
  const manifest = {
    name: `stemma-format-${name}`,
    version: '0.1.0',
    type: 'module',
    engines: { node: '>=22.18' },
    exports: { '.': { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` } },
    files: ['dist'],
    scripts: { test: 'node --test test.ts', build: 'tsc', prepack: 'tsc' },
    dependencies: versions('@stemma/base', '@stemma/log', '@stemma/sqlite-file'),
    devDependencies: { ...versions('@stemma/log-conformance', '@types/node'), typescript: '>=5.9' },
  }
  return `${JSON.stringify(manifest, undefined, 2)}\n`
}

/** In a checkout there are no versions yet. */
function publishedVersion(version: string | undefined): string {
  return version === undefined || /^(?:workspace|catalog):/.test(version) ? '*' : version
}
