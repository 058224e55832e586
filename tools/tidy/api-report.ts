import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { ROOT, readPackages, type Package } from './repository.ts'

/** One export of one entry of a package. */
export interface ApiExport {
  readonly name: string
  /** As TypeScript declares it, without comments; for what another package declares, the name of that package. */
  readonly declaration: string
  /** The comment before the declaration; empty when there is none. */
  readonly comment: string
}

/** One door of a package: `@stemma/log`, or `@stemma/format-statement/catalogue`. */
export interface ApiEntry {
  readonly name: string
  readonly exports: readonly ApiExport[]
}

/** What a published package offers to those who import it. */
export interface PackageApi extends Package {
  readonly entries: readonly ApiEntry[]
}

/** Characters: a list of names that is longer is written one name to a line. */
const LINE_MAX = 130

export interface Statement {
  readonly comment: string
  /** From the column 0 on which it begins, up to the next. */
  readonly text: string
}

/**
 * Reads what every published package offers, from the declarations that the compiler makes of its source.
 *
 * API Extractor would need the JavaScript compiler of TypeScript 5; the declarations that the compiler prints are regular enough to be cut up by lines.
 */
export function readApis(): PackageApi[] {
  const folder = mkdtempSync(join(tmpdir(), 'stemma-api-'))
  try {
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(compilerSettings(folder)))
    const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
    execFileSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8', stdio: ['ignore', 'inherit', 'inherit'] })
    const published = readPackages().filter(({ manifest }) => manifest.private !== true)
    return published.map((known) => ({ ...known, entries: entriesOf(known, folder) }))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** All packages as one program, of which declarations alone are wanted. Whether it is right is for others to check. */
function compilerSettings(outDir: string): object {
  return {
    extends: join(ROOT, 'tsconfig.base.json'),
    compilerOptions: {
      composite: false,
      noCheck: true,
      emitDeclarationOnly: true,
      declarationMap: false,
      sourceMap: false,
      types: ['node'],
      typeRoots: [join(ROOT, 'node_modules/@types')],
      rootDir: join(ROOT, 'packages'),
      outDir,
    },
    include: [join(ROOT, 'packages/*/src/**/*.ts')],
    exclude: ['packages/*/src/**/*.test.ts', 'packages/*/src/**/testing'].map((pattern) => join(ROOT, pattern)),
  }
}

/** The page about one package: what it offers, by entry and name. */
export function showApi({ name, manifest, entries }: PackageApi): string {
  const blocks = entries.map((entry) => {
    const shown = entry.exports.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(({ declaration }) => declaration)
    return `\n## \`${entry.name}\`\n\n\`\`\`ts\n${shown.join('\n\n')}\n\`\`\`\n`
  })
  return `# What ${name} exports\n\n${manifest.description}\n\n${INTRODUCTION}${blocks.join('')}`
}

const INTRODUCTION = `Written from the code by \`pnpm test -u\`. A line that changes here is a change that users may notice: it needs a changeset. What each
export promises stands in the comment before it, in the source and in the published types.
`

function entriesOf({ name, folder, manifest }: Package, declarations: string): ApiEntry[] {
  return Object.entries(manifest.exports ?? {}).map(([entry, source]) => ({
    name: posix.join(name, entry),
    exports: exportsOf(join(declarations, posix.relative('packages', folder), source.replace(/\.ts$/, '.d.ts'))),
  }))
}

/** The exports of a module: those that it declares, and those that it passes on. */
function exportsOf(path: string): ApiExport[] {
  return statementsOf(readFileSync(path, 'utf8')).flatMap((statement): ApiExport[] => {
    const passedOn = /^export (?:type )?\{([^}]*)\} from '([^']+)';$/.exec(statement.text)
    if (passedOn !== null) {
      const [, names = '', from = ''] = passedOn
      return namesIn(names).map(({ here, there }) => passedOnFrom(path, from, { here, there }))
    }
    const everything = /^export \* from '([^']+)';$/.exec(statement.text)?.[1]
    if (everything !== undefined) return exportsOf(declarationsAt(path, everything))
    const name = nameOf(statement.text)
    if (name === undefined && /^export (?!\{\};)/.test(statement.text))
      throw new Error(`${path}: this export is of a form that reports don't know: ${statement.text}`)
    return name === undefined ? [] : [{ name, declaration: withoutComments(statement.text), comment: statement.comment }]
  })
}

function passedOnFrom(path: string, from: string, { here, there }: { here: string; there: string }): ApiExport {
  if (!from.startsWith('.')) return { name: here, declaration: `export { ${here} } from '${from}'`, comment: `As in ${from}.` }
  const found = exportsOf(declarationsAt(path, from)).filter(({ name }) => name === there)
  const declaration = found.map((each) => each.declaration).join('\n')
  if (declaration === '') throw new Error(`${path}: ${from} exports no ${there}`)
  const renamed = here === there ? '' : `// as ${here}\n`
  return { name: here, declaration: renamed + declaration, comment: found.map(({ comment }) => comment).join('') }
}

/** `a, type B as C` as names. */
function namesIn(list: string): { here: string; there: string }[] {
  return list
    .split(',')
    .map((item) => item.trim().replace(/^type /, ''))
    .filter((item) => item !== '')
    .map((item) => {
      const [there = '', here = there] = item.split(' as ')
      return { here, there }
    })
}

function declarationsAt(from: string, name: string): string {
  const path = join(dirname(from), name.replace(/\.[jt]s$/, '.d.ts'))
  if (!existsSync(path)) throw new Error(`${from}: no declarations of ${name}`)
  return path
}

/** Cuts declarations into statements. Each begins on column 0 with a word; what closes it, or goes on, begins otherwise. */
export function statementsOf(text: string): Statement[] {
  const pieces = text.split(/^(?=export\b|declare\b|import\b|type\b|interface\b)/m)
  return pieces.map((piece, index) => {
    const comment = COMMENT_AT_END.exec(pieces[index - 1] ?? '')?.[0] ?? ''
    return { comment, text: piece.replace(COMMENT_AT_END, '').trimEnd() }
  })
}

const COMMENT_AT_END = /^\/\*\*(?:(?!\*\/)[^])*\*\/\n$(?![^])/m

/** The name that a statement exports; undefined when it exports none. */
function nameOf(statement: string): string | undefined {
  return /^export (?:declare )?(?:abstract )?(?:const enum|const|let|function|class|interface|type|enum|namespace) ([\w$]+)/.exec(
    statement,
  )?.[1]
}

/** The declaration alone, without what is written about it and what nobody can reach. */
function withoutComments(declaration: string): string {
  return declaration
    .replace(/^\s*\/\*\*[\s\S]*?\*\/\n/gm, '')
    .replace(/^\s*(?:#private|private [\w$]+);\n/gm, '')
    .replace(/;$/gm, '')
    .replace(/^\}\n+ \| \{/gm, '} | {')
    .replace(/ \| (?=')/g, (or, _at: number, all: string) =>
      all.length > LINE_MAX && /^export type \w+ = '/.test(all) ? `\n  | ` : or,
    )
    .replace(/^(?: {4})+/gm, (spaces) => ' '.repeat(spaces.length / 2))
}
