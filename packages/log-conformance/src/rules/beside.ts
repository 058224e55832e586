import { doesNotMatch, equal, ok, throws } from 'node:assert/strict'
import { StemmaError } from '@stemma/base'
import type { Commit, DecodedEntry, EntryDescription } from '@stemma/log'
import { nodeSqlite } from '@stemma/storage'
import { readContent } from '../lab/content.ts'
import { anew, entryOf, type Lab } from '../lab/lab.ts'
import { samplesOf } from '../lab/samples.ts'
import { showBytes, showRows, use, usesOf } from '../lab/understand.ts'
import type { Rule } from '../rule.ts'
import { makesCopies, onlyForCopies, type Subject } from '../subject.ts'
import { everyday, keys, schemas, type Story } from '../workloads/stories.ts'
import { isStemmaError } from './order.ts'

/** Versions of its own, other formats, people, and versions of SQLite. */
export const besideRules: readonly Rule[] = [
  {
    id: 'LF-31',
    says: 'A version that it does not read is refused with DAMAGED_ENTRY, and the message names the version.',
    check: newerVersion,
  },
  {
    id: 'LF-32',
    says: 'Payloads of every version that it reads bring on the same copy, side by side.',
    notFor: (subject) => onlyForCopies(subject) ?? (subject.format.reads.length > 1 ? undefined : 'it reads one version'),
    check: olderVersions,
  },
  {
    id: 'LF-33',
    says: 'What one format does with a commit, another does not notice.',
    async check(lab) {
      const leader = await lab.leader([...everyday.first, ...keys.first.filter((sql) => !sql.includes('TABLE t '))])
      const stop = leader.watch((commit) => {
        const before = showCommit(commit)
        lab.format.encode(commit)
        equal(showCommit(commit), before, 'the commit after it was encoded')
      })
      for (const transaction of [...everyday.transactions, keys.transactions[2]!, keys.transactions[4]!])
        await leader.run(transaction)
      stop()
    },
  },
  {
    id: 'LF-34',
    says: 'A payload is explained from its bytes alone, in lines without control characters.',
    async check(lab) {
      const payloads = await samplesOf(lab)
      const leader = await lab.leader(EVIL.first)
      for (const transaction of EVIL.transactions) {
        for (const { payload, formatVersion: version } of await lab.entries(leader, transaction))
          payloads.push({ bytes: payload, version, pageSize: leader.source.place.pageSize })
      }
      for (const { bytes, version } of payloads.toReversed()) mustBeReadable(lab.reader.describe(bytes, version))
    },
  },
  {
    id: 'LF-35',
    says: 'An explanation stays readable.',
    async check(lab) {
      const leader = await lab.leader(['CREATE TABLE t (id INTEGER PRIMARY KEY, a)'], { pageSize: 512 })
      const entries = await lab.entries(leader, [
        "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, printf('%.*c', 80, 'x') FROM n",
      ])
      entries.push(
        ...(await lab.entries(
          leader,
          Array.from({ length: 600 }, (_, i) => `UPDATE t SET a = ${i} WHERE id = ${i}`),
        )),
      )
      for (const { payload, formatVersion } of entries) {
        const { details } = lab.reader.describe(payload, formatVersion)
        ok(details.length <= 1000, `a commit of thousands of rows is explained in ${details.length} lines`)
      }
    },
  },
  {
    id: 'LF-36',
    says: "A format whose copies need the leader's very version of SQLite says so by `needsSameSqlite`.",
    notFor: (subject) => onlyForCopies(subject) ?? whyNoOtherSqlite(subject),
    async check(lab) {
      for (const { first, transactions } of [everyday, schemas]) {
        const leader = await lab.leader(first)
        const copy = await lab.copy(leader, { driver: nodeSqlite })
        for (const transaction of transactions) copy.apply(await lab.entries(leader, transaction))
        copy.mustEqual(readContent(leader.connection), 'a copy that is kept by the SQLite of node:sqlite')
      }
    },
  },
]

async function newerVersion(lab: Lab): Promise<void> {
  const format = lab.reader
  const newer = Math.max(format.version, ...format.reads) + 1
  for (const payload of (await samplesOf(lab)).slice(0, 5)) {
    for (const how of usesOf(format)) {
      throws(
        () => use(format, { ...payload, version: newer }, how),
        (error) => StemmaError.is(error, 'DAMAGED_ENTRY') && error.message.includes(String(newer)),
        `${how} of a payload of version ${newer}`,
      )
    }
  }
  if (!makesCopies(format)) return
  const leader = await lab.leader(everyday.first)
  const copy = await lab.copy(leader)
  const at = copy.sequence
  const entries = await lab.entries(leader, everyday.transactions[0]!)
  const [entry] = entries
  throws(
    () => copy.apply([anew({ ...entry!, formatVersion: newer })]),
    isStemmaError('NO_COMMON_FORMAT'),
    'an entry of a newer version',
  )
  equal(copy.sequence, at, 'where the copy stands after an entry of a newer version')
  copy.apply(entries)
  copy.mustEqual(readContent(leader.connection), 'after an entry of a newer version and the right one')
}

/** Leaders of all versions take turns. */
async function olderVersions(lab: Lab): Promise<void> {
  const { format } = lab
  const writers = [format, ...(lab.subject.older ?? [])]
  for (const version of format.reads)
    ok(
      writers.some((writer) => writer.version === version),
      `give the format that wrote version ${version}: \`older: [...]\``,
    )
  const leader = await lab.leader(everyday.first)
  const copy = await lab.copy(leader)
  const entries: DecodedEntry[] = []
  let turn = 0
  const stop = leader.watch((commit) => {
    const writer = writers[turn++ % writers.length]!
    equal(writer.name, format.name, 'the name of an older version')
    entries.push(entryOf(commit, writer, writer.encode(commit)))
  })
  for (const transaction of [...everyday.transactions, ...everyday.transactions.slice(1)]) {
    await leader.run(transaction)
    copy.apply(entries.splice(0))
    copy.mustEqual(readContent(leader.connection), `by versions ${writers.map(({ version }) => version).join(' and ')} in turn`)
  }
  stop()
}

/** All that a commit tells, as text. */
function showCommit(commit: Commit): string {
  const pages = commit
    .pages()
    .map(({ pageNumber, before, after, sum }) => [pageNumber, before && showBytes(before), showBytes(after), sum].join(' '))
  return [...pages, showRows(commit.rows())].join('\n')
}

const ESC = '\u001b'

/** Names, values and SQL of somebody who knows how terminals are steered. */
const EVIL: Story = {
  first: ['CREATE TABLE t (a)'],
  transactions: [
    [
      `CREATE TABLE "a${ESC}[2Jb\nc" ("d\u009be\rf" DEFAULT 'g\u202eh')`,
      `INSERT INTO "a${ESC}[2Jb\nc" VALUES ('i${ESC}]0;j\u0007k\nl')`,
    ],
    [`CREATE VIEW v AS SELECT a /* ${ESC}[31m \u2028 */ FROM t`, `INSERT INTO t VALUES (x'1b5b324a'), ('\u2066\u0085')`],
    [`UPDATE "a${ESC}[2Jb\nc" SET "d\u009be\rf" = '${ESC}c'`],
    [`ALTER TABLE "a${ESC}[2Jb\nc" RENAME TO "m${ESC}[1mn"`],
    [`DROP TABLE "m${ESC}[1mn"`],
  ],
}

function mustBeReadable({ summary, details }: EntryDescription): void {
  ok(summary.length > 0, 'the summary is empty')
  for (const line of [summary, ...details]) {
    const shown = JSON.stringify(line.slice(0, 100))
    doesNotMatch(line, /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u, `a line has control characters: ${shown}`)
  }
}

function whyNoOtherSqlite({ format }: Subject): string | undefined {
  if (format.needsSameSqlite === true) return 'it says that it needs the same SQLite'
  return process.getBuiltinModule('node:sqlite') === undefined ? 'this Node has no node:sqlite' : undefined
}
