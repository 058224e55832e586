import { equal, ok, throws } from 'node:assert/strict'
import { StemmaError } from '@stemma/base'
import type { Commit, DecodedEntry } from '@stemma/log'
import { betterSqlite3 } from '@stemma/storage'
import { readContent, type Content } from '../lab/content.ts'
import { copyFiles } from '../lab/copy-files.ts'
import { entryOf, type Lab } from '../lab/lab.ts'
import type { Leader } from '../lab/leader.ts'
import { payloadOf, useAll } from '../lab/understand.ts'
import type { Rule } from '../rule.ts'
import { makesCopies, onlyForCopies, onlyForPages } from '../subject.ts'
import { everyday } from '../workloads/stories.ts'

/** Order, and what is remembered. */
export const orderRules: readonly Rule[] = [
  {
    id: 'LF-14',
    says: '`encode` begins at any commit, and for several leaders at once.',
    check: (lab) => (makesCopies(lab.format) ? leadersAtOnce(lab) : leadersReadAtOnce(lab)),
  },
  {
    id: 'LF-15',
    says: 'A copy begins at any entry, and one format serves several copies at once.',
    notFor: onlyForCopies,
    check: copiesAtOnce,
  },
  {
    id: 'LF-16',
    says: 'The same commit may be encoded again, and either payload does.',
    check: (lab) => (makesCopies(lab.format) ? encodedTwice(lab) : readTwice(lab)),
  },
  {
    id: 'LF-17',
    says: 'The same entry may come again.',
    notFor: onlyForCopies,
    check: sameEntryAgain,
  },
  {
    id: 'LF-18',
    says: 'A leader that was killed goes on where its log ends.',
    notFor: onlyForCopies,
    check: leaderKilled,
  },
  {
    id: 'LF-19',
    says: "A commit that can't be told as rows is not guessed: views rows and statements pass on ROWS_UNKNOWN.",
    notFor: (subject) => (subject.format.view === 'pages' ? 'its view is pages' : undefined),
    async check(lab) {
      const commits = await unseenChanges(lab, (commit) => lab.format.encode(commit))
      equal(commits, 1, 'commits that stand for changes which nobody saw')
    },
  },
  {
    id: 'LF-20',
    says: 'A page may be given without what it was before, and changed pages may be equal to what they were: view pages takes both.',
    notFor: (subject) => onlyForPages(subject) ?? onlyForCopies(subject),
    check: pagesWithoutBefore,
  },
]

async function leadersAtOnce(lab: Lab): Promise<void> {
  const [one, other] = [
    await lab.leader(everyday.first),
    await lab.leader(['CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT, a)', "INSERT INTO t VALUES (9, 'nine', 9)"]),
  ]
  // Each copy has a format of its own, which has seen nothing yet.
  const copy = await lab.copy(one, { formats: [lab.newCopyFormat()] })
  const [of, ofOther]: [DecodedEntry[], DecodedEntry[]] = [[], []]
  let late
  for (const [i, transaction] of everyday.transactions.entries()) {
    // The copy of the other leader begins in the middle.
    if (i === 3) late = await lab.copy(other, { formats: [lab.newCopyFormat()] })
    of.push(...(await lab.entries(one, transaction)))
    const entries = await lab.entries(other, [`INSERT INTO t (b, a) VALUES ('other ${i}', ${i})`])
    if (i >= 3) ofOther.push(...entries)
  }
  copy.apply(of)
  late!.apply(ofOther)
  copy.mustEqual(readContent(one.connection), 'one of two leaders')
  late!.mustEqual(readContent(other.connection), 'the other of two leaders')
}

/** The same where no copy is made: what a format that has seen much tells, one that has seen nothing tells too. */
async function leadersReadAtOnce(lab: Lab): Promise<void> {
  const leaders = [await lab.leader(everyday.first), await lab.leader(everyday.first)]
  for (const leader of leaders) {
    leader.watch((commit) => {
      const told = useAll(lab.reader, payloadOf(lab.format, commit))
      equal(useAll(lab.reader, payloadOf(lab.subject.newOne(), commit)), told, 'what a format tells that has seen nothing yet')
    })
  }
  for (const transaction of everyday.transactions) for (const leader of leaders) await leader.run(transaction)
}

async function readTwice(lab: Lab): Promise<void> {
  const leader = await lab.leader(everyday.first)
  leader.watch((commit) => {
    const told = useAll(lab.reader, payloadOf(lab.format, commit))
    equal(useAll(lab.reader, payloadOf(lab.format, commit)), told, 'the same commit, encoded again')
  })
  for (const transaction of everyday.transactions) await leader.run(transaction)
}

async function copiesAtOnce(lab: Lab): Promise<void> {
  const leader = await lab.leader(everyday.first)
  const early = await lab.copy(leader)
  const begin = 2
  let late
  const entries: DecodedEntry[] = []
  const contents: Content[] = []
  for (const [i, transaction] of everyday.transactions.entries()) {
    if (i === begin) late = await lab.copy(leader)
    entries.push(...(await lab.entries(leader, transaction)))
    contents.push(readContent(leader.connection))
  }
  // The one that began later is ahead of the other all the way.
  for (let i = 0; i < entries.length; i++) {
    if (i + begin < entries.length) {
      late!.apply([entries[i + begin]!])
      late!.mustEqual(contents[i + begin]!, `a copy that began at entry ${begin + 1}, after entry ${i + begin + 1}`)
    }
    early.apply([entries[i]!])
    early.mustEqual(contents[i]!, `a copy from the start, after entry ${i + 1}`)
  }
}

async function encodedTwice(lab: Lab): Promise<void> {
  const { format } = lab
  const leader = await lab.leader(everyday.first)
  const [one, other] = [await lab.copy(leader), await lab.copy(leader)]
  const [first, second]: [DecodedEntry[], DecodedEntry[]] = [[], []]
  const stop = leader.watch((commit) => {
    for (const list of [first, second]) list.push(entryOf(commit, format, format.encode(commit)))
  })
  for (const transaction of everyday.transactions) await leader.run(transaction)
  stop()
  one.apply(first)
  other.apply(second)
  one.mustEqual(readContent(leader.connection), 'by the payloads of the first time')
  other.mustEqual(readContent(leader.connection), 'by the payloads of the second time')
}

async function sameEntryAgain(lab: Lab): Promise<void> {
  const leader = await lab.leader(everyday.first)
  const [one, other] = [await lab.copy(leader), await lab.copy(leader)]
  const entries: DecodedEntry[] = []
  const contents: Content[] = []
  for (const transaction of everyday.transactions) {
    entries.push(...(await lab.entries(leader, transaction)))
    contents.push(readContent(leader.connection))
  }
  for (const [i, entry] of entries.entries()) {
    const later = entries[i + 1]
    const at = one.sequence
    // Out of order first: it must not be in the way of what comes in order.
    if (later !== undefined) {
      throws(() => one.apply([later]), isStemmaError('ENTRY_GAP'), `entry ${i + 2} before entry ${i + 1}`)
      equal(one.sequence, at, 'where the copy stands after an entry that does not follow on')
    }
    one.apply([entry])
    one.apply([entry])
    one.apply(entries.slice(0, i + 1))
    one.mustEqual(contents[i]!, `entry ${i + 1}, given three times`)
    other.apply([entry])
    other.mustEqual(contents[i]!, `entry ${i + 1}, given to another copy`)
  }
}

async function leaderKilled(lab: Lab): Promise<void> {
  const dead = lab.path('dead.db')
  const leader = await lab.leader(everyday.first)
  const copy = await lab.copy(leader)
  const entries: DecodedEntry[] = []
  for (const transaction of everyday.transactions.slice(0, 4)) entries.push(...(await lab.entries(leader, transaction)))
  // It dies when it has encoded a commit that is not in its log yet.
  const stop = leader.watch((commit) => {
    lab.format.encode(commit)
    copyFiles(leader.database, dead)
  })
  await leader.run(everyday.transactions[4]!)
  stop()
  await leader.close()
  const kept = entries.at(-1)!.position.sequence
  const again: DecodedEntry[] = []
  const next = await lab.leaderAt(dead, {
    witness: (commit) => again.push(entryOf(commit, lab.format, lab.format.encode(commit))),
  })
  for (const transaction of everyday.transactions.slice(5)) await next.run(transaction)
  equal(again[0]?.position.sequence, kept + 1, 'the first commit after the crash')
  copy.apply([...entries, ...again])
  copy.mustEqual(readContent(next.connection), 'after the leader has gone on')
}

/** Changes a database while its leader is away. Gives how many commits stand for that. Encoding them must fail with ROWS_UNKNOWN. */
async function unseenChanges(lab: Lab, encode: (commit: Commit) => Uint8Array): Promise<number> {
  let commits = 0
  const leader = await changedBehind(lab)
  await lab.leaderAt(leader, {
    witness(commit) {
      commits++
      throws(() => encode(commit), isStemmaError('ROWS_UNKNOWN'), 'a commit that stands for changes which nobody saw')
    },
  })
  return commits
}

/** A database that was changed behind its leader's back. */
async function changedBehind(lab: Lab, seen: (leader: Leader) => Promise<void> = () => Promise.resolve()): Promise<string> {
  const leader = await lab.leader(everyday.first)
  await leader.run(everyday.transactions[0]!)
  await seen(leader)
  await leader.close()
  const connection = betterSqlite3.open(leader.database, { mustExist: true })
  connection.exec("INSERT INTO t VALUES (77, 77, 'unseen'); PRAGMA wal_checkpoint(TRUNCATE)")
  connection.close()
  return leader.database
}

async function pagesWithoutBefore(lab: Lab): Promise<void> {
  const { format } = lab
  let copy
  const database = await changedBehind(lab, async (leader) => {
    copy = await lab.copy(leader)
  })
  const entries: DecodedEntry[] = []
  let recovered = 0
  const next = await lab.leaderAt(database, {
    witness(commit) {
      if (commit.recovered) recovered++
      entries.push(entryOf(commit, format, format.encode(commit)))
    },
  })
  ok(recovered > 0, 'no commit stands for changes which nobody saw')
  copy!.apply(entries)
  copy!.mustEqual(readContent(next.connection), 'after changes which nobody saw')

  const blind: DecodedEntry[] = []
  next.watch((commit) => {
    const pages = commit.pages().map(({ pageNumber, after, sum }) => ({ pageNumber, after, sum, before: undefined }))
    blind.push(entryOf(commit, format, format.encode({ ...commit, pages: () => pages })))
  })
  for (const transaction of everyday.transactions.slice(1)) await next.run(transaction)
  copy!.apply(blind)
  copy!.mustEqual(readContent(next.connection), 'by pages without what they were before')
}

export function isStemmaError(code: Parameters<typeof StemmaError.is>[1]): (error: unknown) => boolean {
  return (error) => {
    if (StemmaError.is(error, code)) return true
    throw error
  }
}
