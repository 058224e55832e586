import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the repository. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url))

/** One workspace package, as its manifest tells it. */
export interface Package {
  readonly name: string
  /** From the root: `packages/base`. */
  readonly folder: string
  readonly manifest: Manifest
}

export interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly license?: string
  readonly type?: string
  readonly description?: string
  readonly engines?: Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, string>>
  readonly publishConfig?: { readonly access?: string; readonly exports?: unknown }
  readonly files?: readonly string[]
  readonly bin?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** A text file of the repository. */
export interface TextFile {
  /** From the root, with slashes. */
  readonly path: string
  readonly text: string
}

const LEFT_OUT = /(^|\/)(node_modules|dist|fixtures)(\/|$)/

/** The repository's files that match, in order, without what is installed or built. */
export function readFiles(...patterns: readonly string[]): TextFile[] {
  const paths = patterns.flatMap((pattern) => globSync(pattern, { cwd: ROOT, exclude: (path) => LEFT_OUT.test(path) }))
  return [...new Set(paths)].toSorted().map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))
}

/** Every workspace package but the root. */
export function readPackages(): Package[] {
  return readFiles('{packages,apps,examples,tools}/*/package.json').map(({ path, text }) => {
    const manifest = JSON.parse(text) as Manifest
    return { name: manifest.name, folder: dirname(path), manifest }
  })
}

export function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || /\/(?:test|conformance)\//.test(path) || path.endsWith('/test.ts')
}

/** True when a path from the root leads to a file or a folder. */
export function isThere(path: string): boolean {
  return existsSync(join(ROOT, path))
}

/** What a source file imports: the names in its `import`, `export … from`, `import()` and `new URL(…, import.meta.url)`. */
export function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  const names = [
    ...code.matchAll(/^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm),
    ...code.matchAll(/^\s*import\s*['"]([^'"]+)['"]/gm),
    ...code.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g),
    ...code.matchAll(/\bnew URL\(\s*['"](\.[^'"]+\.[jt]s)['"]\s*,\s*import\.meta\.url/g),
  ]
  return names.map((match) => match[1] ?? '')
}

/** Where a relative import leads, from the root: `../b.ts` in `packages/a/src/c.ts` leads to `packages/a/b.ts`. */
export function resolveImport(from: string, name: string): string {
  return relative(ROOT, join(ROOT, dirname(from), name))
}
