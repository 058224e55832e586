import { ok } from 'node:assert/strict'
import { readContent } from '../lab/content.ts'
import type { Lab } from '../lab/lab.ts'
import type { Rule } from '../rule.ts'
import { onlyForCopies } from '../subject.ts'
import { everyday, keys, large, schemas, sizes, texts, values, versions, type Story } from '../workloads/stories.ts'

/** What is copied. */
export const copyRules: readonly Rule[] = [
  {
    id: 'LF-4',
    says: 'After every commit the copy holds what the leader holds.',
    notFor: onlyForCopies,
    check: (lab) => follow(lab, everyday),
  },
  {
    id: 'LF-5',
    says: 'Every value comes out as it went in.',
    notFor: onlyForCopies,
    check: (lab) => follow(lab, values),
  },
  {
    id: 'LF-6',
    says: 'A row keeps its rowid or key, whatever that is.',
    notFor: onlyForCopies,
    check: (lab) => follow(lab, keys),
  },
  {
    id: 'LF-7',
    says: "Text stays in the encoding of the leader's database: UTF-8, UTF-16le, UTF-16be.",
    notFor: onlyForCopies,
    async check(lab) {
      await follow(lab, texts('UTF-16le'))
      await follow(lab, texts('UTF-16be'))
    },
  },
  {
    id: 'LF-8',
    says: 'One value may be larger than any page, and one commit may have very many rows.',
    notFor: onlyForCopies,
    check: (lab) => follow(lab, large(randomHex(lab, 100_000))),
  },
  {
    id: 'LF-9',
    says: 'The schema changes with the rows that came with it.',
    notFor: onlyForCopies,
    check: (lab) => follow(lab, schemas),
  },
  {
    id: 'LF-10',
    says: '`user_version` and `application_id` are part of a database.',
    notFor: onlyForCopies,
    check: (lab) => follow(lab, versions),
  },
  {
    id: 'LF-11',
    says: 'Databases of every page size grow, shrink and are rebuilt.',
    notFor: onlyForCopies,
    async check(lab) {
      await follow(lab, sizes({ pageSize: 512, autoVacuum: 'full' }))
      await follow(lab, sizes({ pageSize: 4096 }))
      await follow(lab, sizes({ pageSize: 65_536, autoVacuum: 'incremental' }))
    },
  },
  {
    id: 'LF-12',
    says: "A commit that shows nothing in a format's view makes an entry all the same.",
    notFor: onlyForCopies,
    check: (lab) => follow(lab, { first: HOLES, transactions: NOTHING_TO_SEE, options: { autoVacuum: 'incremental' } }),
  },
  {
    id: 'LF-13',
    says: 'A payload grows with what the commit changed, not with the database.',
    check: payloadsStaySmall,
  },
]

const HOLES = [
  'CREATE TABLE t (id INTEGER PRIMARY KEY, a)',
  "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) SELECT i, printf('%.*c', 300, 'x') FROM n",
  'DELETE FROM t WHERE id < 250',
]

const NOTHING_TO_SEE = [
  ['PRAGMA incremental_vacuum(5)'],
  ["UPDATE t SET a = replace(a, 'x', 'y') WHERE id = 260", "UPDATE t SET a = replace(a, 'y', 'x') WHERE id = 260"],
  ["INSERT INTO t VALUES (1000, 'y')", 'DELETE FROM t WHERE id = 1000'],
  ["INSERT INTO t VALUES (1000, 'y')"],
]

/** A copy that takes entries one by one is compared after each, one that takes them all at once at the end. */
export async function follow(lab: Lab, { first, transactions, options }: Story): Promise<void> {
  const leader = await lab.leader(first, options)
  const [prompt, late] = [await lab.copy(leader), await lab.copy(leader)]
  const all = []
  for (const [i, transaction] of transactions.entries()) {
    const entries = await lab.entries(leader, transaction)
    ok(entries.length > 0, `transaction ${i + 1} made no entry`)
    prompt.apply(entries)
    prompt.mustEqual(readContent(leader.connection), `after transaction ${i + 1} (${transaction[0]!.slice(0, 60)})`)
    all.push(...entries)
  }
  late.apply(all)
  late.mustEqual(readContent(leader.connection), 'when all came at once')
}

async function payloadsStaySmall(lab: Lab): Promise<void> {
  const leader = await lab.leader([
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)',
    "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, i, 'row ' || i FROM n",
  ])
  for (const sql of ['INSERT INTO t VALUES (20001, 1, 1)', 'UPDATE t SET a = 0 WHERE id = 10000', 'DELETE FROM t WHERE id = 1']) {
    let writtenBytes = 0
    const stop = leader.watch((commit) => (writtenBytes += commit.pages().length * commit.pageSize))
    const entries = await lab.entries(leader, [sql])
    stop()
    for (const { payload } of entries) {
      const most = 64 * writtenBytes + 64 * 1024
      ok(payload.byteLength <= most, `${sql}: ${payload.byteLength} bytes for ${writtenBytes} bytes of pages`)
    }
  }
}

function randomHex(lab: Lab, byteLength: number): string {
  const bytes = new Uint8Array(byteLength)
  for (let i = 0; i < byteLength; i++) bytes[i] = lab.random(256)
  return Buffer.from(bytes).toString('hex')
}
