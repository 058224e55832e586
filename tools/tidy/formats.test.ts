import { changesetFormat } from '@stemma/format-changeset'
import { newDebeziumFormat } from '@stemma/format-debezium'
import { ZSTD, rowFormat } from '@stemma/format-row'
import { newStatementFormat } from '@stemma/format-statement'
import { walFormat } from '@stemma/format-wal'
import type { LogFormat } from '@stemma/log'
import { LOG_FORMAT_RULES, whyNotFor, type Rule } from '@stemma/log-conformance'
import { jsonLines } from 'example-own-format'
import { expect, test } from 'vitest'
import { readFiles, readPackages } from './repository.ts'

// docs/formats.md says which rules of the contract each format keeps. What it says is so because the kit runs on each of them in the format's own
// tests, and fails there when it is not.

interface Known {
  readonly format: LogFormat
  /** From the root. */
  readonly folder: string
  /** What goes into the log, for people. */
  readonly holds: string
}

const FORMATS: readonly Known[] = [
  { format: walFormat, folder: 'packages/format-wal', holds: 'what changed in pages' },
  { format: rowFormat, folder: 'packages/format-row', holds: 'rows that changed, old and new' },
  {
    format: newStatementFormat({ policy: 'mixed', rows: rowFormat, compressor: ZSTD }),
    folder: 'packages/format-statement',
    holds: 'statements, or rows where they would not do',
  },
  {
    format: changesetFormat,
    folder: 'packages/format-changeset',
    holds: 'a changeset of the session extension, and what changesets lack beside it',
  },
  { format: newDebeziumFormat(), folder: 'packages/format-debezium', holds: "rows as Debezium's change events, to be read" },
  { format: jsonLines, folder: 'examples/own-format', holds: 'rows as lines of JSON, for the tutorial' },
]

// `pnpm test -u` writes the page anew.
test('docs/formats.md says which rules are for which format', async () => {
  await expect(showFormats()).toMatchFileSnapshot('../../docs/formats.md')
})

test('every package of a format is on the page, and has the kit run on it', () => {
  const folders = readPackages()
    .map(({ folder }) => folder)
    .filter((folder) => folder.startsWith('packages/format-'))
  expect(FORMATS.map(({ folder }) => folder)).toEqual(expect.arrayContaining(folders))
  expect(FORMATS.filter(({ folder }) => suiteOf(folder) === undefined).map(({ folder }) => folder)).toEqual([])
})

// `pnpm test -u` takes it over.
test.each(['json-lines.ts', 'checks.ts', 'test.ts'])(
  'what `npm create stemma-format` writes is the example: %s',
  async (file) => {
    const [example] = readFiles(`examples/own-format/${file}`)
    await expect(example?.text).toMatchFileSnapshot(`../../packages/create-stemma-format/template/${file}.txt`)
  },
)

/** The test of a format that runs the kit. */
function suiteOf(folder: string): string | undefined {
  return readFiles(`${folder}/**/*.ts`).find(({ text }) => text.includes('logFormatSuite({'))?.text
}

function knownFailuresOf(folder: string): readonly string[] {
  const [, list = ''] = /knownFailures: \[([^\]]*)\]/.exec(suiteOf(folder) ?? '') ?? []
  return list.match(/LF-\d+/g) ?? []
}

function showFormats(): string {
  const heads = FORMATS.map(({ format }) => `\`${format.name}\``)
  return [
    INTRODUCTION,
    row(['format', 'package', 'what is in an entry', 'a follower becomes', 'rules kept', 'not for it', 'known failures']),
    row(Array<string>(7).fill('---')),
    ...FORMATS.map(showFormat),
    '',
    'Rule by rule: *kept*, *failing* where that is known, and — where it is not for such a format.',
    '',
    row(['rule', '', ...heads]),
    row(Array<string>(heads.length + 2).fill('---')),
    ...LOG_FORMAT_RULES.map((rule) => row([rule.id, rule.says, ...FORMATS.map((known) => showVerdict(rule, known))])),
    '',
    'Why a rule is not for a format:',
    '',
    ...FORMATS.map(showReasons),
    '',
  ].join('\n')
}

function showFormat(known: Known): string {
  const { format, folder, holds } = known
  const verdicts = LOG_FORMAT_RULES.map((rule) => showVerdict(rule, known))
  const count = (verdict: string): string => String(verdicts.filter((each) => each === verdict).length)
  const link = `[${folder.replace(/^packages\//, '@stemma/')}](../${folder})`
  const counts = [count('kept'), count('—'), count('failing')]
  return row([`\`${format.name}\` ${format.version}`, link, holds, becomes(format), ...counts])
}

function becomes(format: LogFormat): string {
  if (format.isFeedOnly === true) return 'no copy: it is only read'
  if (format.view === 'pages') return 'the same bytes'
  return `the same rows${format.needsSameSqlite === true ? ', with the same version of SQLite' : ''}`
}

function showVerdict(rule: Rule, { format, folder }: Known): string {
  if (whyNotFor(rule, { format }) !== undefined) return '—'
  return knownFailuresOf(folder).includes(rule.id) ? 'failing' : 'kept'
}

function showReasons({ format }: Known): string {
  const reasons = new Map<string, string[]>()
  for (const rule of LOG_FORMAT_RULES) {
    const why = whyNotFor(rule, { format })
    if (why !== undefined) reasons.set(why, [...(reasons.get(why) ?? []), rule.id])
  }
  const parts = Array.from(reasons, ([why, ids]) => `${why} (${ids.join(', ')})`)
  return `- \`${format.name}\`: ${parts.join('; ')}.`
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

const INTRODUCTION = `# Log formats

A log format decides what travels from a leader to its followers. What each promises is [the same contract](log-format.md), and
[the conformance kit](../packages/log-conformance/README.md) tries every rule of it over real databases, in the tests of each format. To write one of your own, begin with
[the tutorial](../examples/own-format/README.md).

This page is written by a test, from the rules and from what the formats say of themselves.
`
