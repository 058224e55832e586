import { posix } from 'node:path'
import { ERRORS } from '@stemma/base'
import { SAFETIES, STATEMENT_CODES, type Safety } from '@stemma/format-statement'
import { LOG_FORMAT_RULES } from '@stemma/log-conformance'
import { expect, test } from 'vitest'
import { showLogFormatPage } from './log-format-page.ts'
import { isTest, isThere, readFiles } from './repository.ts'
import { showStatementsPage } from './statements-page.ts'

const LOG_FORMAT_SPEC = 'packages/log/SPEC.md'

const documents = readFiles('**/*.md', '.changeset/*.md')

test.each(documents.filter(({ text }) => text.includes('](')))('the links in $path lead somewhere', ({ path, text }) => {
  const prose = text.replace(/```[\s\S]*?```/g, '')
  const dead = [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? '')
    .filter((link) => !/^(?:https?:|mailto:)/.test(link))
    .filter((link) => !leadsSomewhere(path, link))
  expect(dead).toEqual([])
})

// `pnpm test -u` writes the page anew.
test('docs/errors.md says what the table of errors says', async () => {
  await expect(showErrors()).toMatchFileSnapshot('../../docs/errors.md')
})

test('docs/lint.md says what the table of statement codes says', async () => {
  await expect(showStatementCodes()).toMatchFileSnapshot('../../docs/lint.md')
})

test('docs/statements.md says what the catalogue says', async () => {
  await expect(showStatementsPage()).toMatchFileSnapshot('../../docs/statements.md')
})

test('docs/log-format.md says what the contract and its types say', async () => {
  await expect(showLogFormatPage()).toMatchFileSnapshot('../../docs/log-format.md')
})

test('every statement code is found by some rule, and some test names it', () => {
  const files = readFiles('packages/format-statement/**/*.ts').filter(({ path }) => !path.endsWith('/codes.ts'))
  const missingIn = (texts: readonly string[]): string[] =>
    Object.keys(STATEMENT_CODES).filter((code) => !texts.some((text) => text.includes(`'${code}'`)))
  const isOfTests = (path: string): boolean => isTest(path) || path.includes('/test/') || path.includes('/catalogue/')
  expect(missingIn(files.filter(({ path }) => !isOfTests(path)).map(({ text }) => text)), 'in no rule').toEqual([])
  expect(missingIn(files.filter(({ path }) => isOfTests(path)).map(({ text }) => text)), 'in no test').toEqual([])
})

test('every error code is raised somewhere', () => {
  const sources = readFiles('packages/*/src/**/*.ts').filter(
    ({ path }) => !isTest(path) && !/^packages\/base\/src\/error(?:-code)?\.ts$/.test(path),
  )
  const text = sources.map((each) => each.text).join('\n')
  expect(errorCodes().filter((code) => !text.includes(`'${code}'`))).toEqual([])
})

test.each(readFiles('packages/*/SPEC.md'))('each rule of $path has a test that names it, and the other way round', (spec) => {
  const rules = [...spec.text.matchAll(/^(?:[-*] |#+ |\| )?\*{0,2}`?([A-Z]{1,3}-\d+)\b/gm)].map((match) => match[1] ?? '')
  expect(rules.length, 'rules found').toBeGreaterThan(0)
  expect(
    rules.filter((rule, index) => rules.indexOf(rule) !== index),
    'numbers given twice',
  ).toEqual([])

  const prefixes = [...new Set(rules.map((rule) => rule.replace(/\d+$/, '')))]
  const pattern = new RegExp(String.raw`\b(?:${prefixes.join('|')})\d+\b`, 'g')
  const folder = posix.dirname(spec.path)
  const tests = readFiles(`${folder}/**/*.ts`).filter(({ path }) => isTest(path))
  // What is promised by anybody's formats is tried by a kit.
  if (spec.path === LOG_FORMAT_SPEC) tests.push(...readFiles('packages/log-conformance/src/rules/*.ts'))
  const named = new Set(tests.flatMap(({ text }) => text.match(pattern) ?? []))
  expect(
    rules.filter((rule) => !named.has(rule)),
    'rules that no test names',
  ).toEqual([])
  expect(
    [...named].filter((rule) => !rules.includes(rule)),
    'rules that tests name and the spec lacks',
  ).toEqual([])
})

test('a rule of log formats says in the kit what it says in the contract', () => {
  const said = [...textOf(LOG_FORMAT_SPEC).matchAll(/^- \*\*(LF-\d+)\*\* (.+?\.)(?= |\n)/gm)].map(
    ([, id, says]) => `${id} ${says}`,
  )
  expect(LOG_FORMAT_RULES.map(({ id, says }) => `${id} ${says}`)).toEqual(said)
})

test("the README's first example is the one that is run by tests", () => {
  const block = /```ts\n([\s\S]*?)```/.exec(textOf('README.md'))?.[1]
  expect(block).toBe(textOf('examples/first/main.ts'))
})

test('the tutorial of log formats quotes what is run by tests', () => {
  const folder = 'examples/own-format'
  const sources = readFiles(`${folder}/*.ts`).map(({ text }) => text)
  const quotes = [...textOf(`${folder}/README.md`).matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code)
  expect(quotes.length).toBeGreaterThan(0)
  expect(quotes.filter((code) => !sources.some((source) => source.includes(code)))).toEqual([])
})

test('decisions are numbered without gaps', () => {
  const numbers = readFiles('docs/adr/*.md').map(({ path }) => Number(/\/(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1]))
  expect(numbers).toEqual(numbers.map((_, index) => index + 1))
})

function errorCodes(): string[] {
  return Object.keys(ERRORS)
}

/** The reference page of all codes. */
function showErrors(): string {
  const entries = Object.entries(ERRORS).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return ERRORS_INTRODUCTION + entries.map(([code, { recovery, hint }]) => `\n## ${code}\n\n*${recovery}.* ${hint}\n`).join('')
}

const ERRORS_INTRODUCTION = `# Errors

Every failure that a program may want to tell from another is a \`StemmaError\` with a \`code\`. The message says what happened, with the values;
this page says what to do. A code keeps its meaning for as long as the major version does; messages and hints may change in any release.
\`error.recovery\` is the first word below:

| recovery | meaning |
| --- | --- |
| \`retry\` | the same call may work later; a follower tries again by itself |
| \`resync\` | the copy takes over what differs from the leader; a follower does that by itself |
| \`fix-input\` | something that was passed in, or the place that it points to, is wrong |
| \`stop\` | state can't be trusted, or a person must decide; nothing goes on by itself |
`

/** The reference page of what `stemma lint` finds. */
function showStatementCodes(): string {
  const entries = Object.entries(STATEMENT_CODES)
  const sections = SAFETIES.filter((safety) => safety !== 'safe').map((safety) => {
    const rows = entries
      .filter(([, entry]) => entry.safety === safety)
      .map(([code, { why, instead }]) => `\n### ${code}\n\n${why}\n\n*Instead:* ${instead}\n`)
    return `\n## ${safety}\n\n${SAFETY_MEANS[safety]}\n${rows.join('')}`
  })
  return LINT_INTRODUCTION + sections.join('')
}

const SAFETY_MEANS: Readonly<Record<Safety, string>> = {
  safe: '',
  context:
    "Safe, given that the copy runs the statement with the leader's settings, which travel with it. `stemma lint` prints these with `--all` only.",
  record: 'Not safe as text alone. It is if the values that functions gave on the leader are replayed.',
  rows: 'Not safe as text. The rows that the statement changed have to be sent instead.',
  reject: 'Not safe, and better not run: what the statement does is decided outside of the database, or it is a trap.',
}

const LINT_INTRODUCTION = `# What stemma lint finds

A statement that is run again on a copy does the same there only if nothing in it hangs on the clock, on chance, on the connection, or on the order in which
rows are found; a copy with equal rows may have other indexes, and find them in another order. Each code below is one way in which a statement can do
something else. The strictest finding decides. A code keeps its meaning for as long as the major version does; sentences may change in any release.

What can not be told apart is called unsafe, never safe: a false alarm costs some bytes, since rows are sent instead of text.
`

function textOf(path: string): string {
  return readFiles(path)[0]?.text ?? ''
}

function leadsSomewhere(from: string, link: string): boolean {
  const [path = '', fragment] = link.split('#')
  const target = path === '' ? from : posix.join(posix.dirname(from), path)
  if (!isThere(target)) return false
  if (fragment === undefined || !target.endsWith('.md')) return true
  return headingsOf(target).includes(fragment)
}

/** The fragments that a Markdown file's headings can be reached by. */
function headingsOf(path: string): string[] {
  return [...textOf(path).matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  )
}
