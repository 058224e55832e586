import { posix } from 'node:path'
import { statementsOf } from './api-report.ts'
import { readFiles } from './repository.ts'

const FOLDER = 'packages/log'

/** The files that are the contract's types, in the order in which one reads them. */
const FILES: readonly (readonly [file: string, title: string])[] = [
  ['format', 'A format'],
  ['commit', 'A commit'],
  ['rows', 'A commit as rows'],
  ['statements', 'A commit as statements'],
]

/** The contract of log formats on one page: its rules, and the types that they speak of. */
export function showLogFormatPage(): string {
  const rules = textOf('SPEC.md').replace(/\]\((?!https?:|#)([^)]+)\)/g, (_, link: string) => `](${fromDocs(link)})`)
  const sections = FILES.map(([file, title]) => {
    const path = `src/${file}.ts`
    return `\n### ${title}\n\nFrom [\`${path}\`](${fromDocs(path)}).\n${showTypes(textOf(path))}`
  })
  return `${rules.trimEnd()}\n\n## The types\n\n${INTRODUCTION}${sections.join('')}`
}

const INTRODUCTION = `This page is written by a test: what stands above from the contract's [SPEC.md](${fromDocs('SPEC.md')}), what follows from the code, which says the same in
the types that are published. All of it is imported from \`@stemma/log\`, which has [more](api/log.md): what formats are written with.
`

function showTypes(source: string): string {
  return statementsOf(source)
    .map(({ comment, text }) => ({ comment, text, name: /^(?:export )?(?:interface|type) (\w+)/.exec(text)?.[1] }))
    .filter(({ name }) => name !== undefined)
    .map(({ comment, text, name }) => {
      if (comment === '') throw new Error(`no comment says what ${name} is`)
      return `\n#### ${name}\n\n${showComment(comment)}\n\n\`\`\`ts\n${text}\n\`\`\`\n`
    })
    .join('')
}

/** A doc comment as prose. */
function showComment(comment: string): string {
  return comment
    .replace(/^\/\*\* ?|\s*\*\/\n$/g, '')
    .replace(/^ \* ?/gm, '')
    .replace(/^@see /gm, 'See ')
    .trim()
}

function textOf(path: string): string {
  const [file] = readFiles(`${FOLDER}/${path}`)
  if (file === undefined) throw new Error(`${FOLDER}/${path} is gone`)
  return file.text
}

/** A link of the contract's folder, as it is from the folder of documents. */
function fromDocs(link: string): string {
  return posix.relative('docs', posix.join(FOLDER, link))
}
