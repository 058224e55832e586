import { deepEqual, equal, match, ok } from 'node:assert/strict'
import type { Commit, LogFormat } from '@stemma/log'
import type { Lab } from '../lab/lab.ts'
import type { Rule } from '../rule.ts'
import { everyday } from '../workloads/stories.ts'

/** What a format says of itself. */
export const declarationRules: readonly Rule[] = [
  {
    id: 'LF-1',
    says: 'Its name is 1 to 32 lower-case letters, digits and dashes, and its versions are whole numbers from 1.',
    async check(lab) {
      const { format } = lab
      const said = declarationOf(format)
      match(said.name, /^[a-z0-9-]{1,32}$/, 'the name')
      for (const version of [said.version, ...said.reads])
        ok(Number.isSafeInteger(version) && version >= 1, `a version is ${version}`)
      equal(new Set(said.reads).size, said.reads.length, 'versions are read twice')
      ok(['pages', 'rows', 'statements'].includes(said.view), `its view is ${said.view}`)
      ok([undefined, true, false].includes(said.needsSameSqlite), `needsSameSqlite is ${said.needsSameSqlite}`)
      const leader = await lab.leader(everyday.first)
      for (const transaction of everyday.transactions.slice(0, 3)) await lab.entries(leader, transaction)
      deepEqual(declarationOf(format), said, 'it says something else of itself than before')
    },
  },
  {
    id: 'LF-2',
    says: 'It reads the version that it writes.',
    check({ format: { reads, version } }) {
      ok(reads.includes(version), `it writes version ${version} and reads ${reads.join(', ')}`)
      return Promise.resolve()
    },
  },
  {
    id: 'LF-3',
    says: 'It looks at nothing of a commit but its plain fields and its view.',
    async check(lab: Lab) {
      const leader = await lab.leader(everyday.first)
      const stop = leader.watch((commit) => lab.format.encode(narrow(commit, lab.format)))
      for (const transaction of everyday.transactions) await leader.run(transaction)
      stop()
    },
  },
]

function declarationOf({ name, version, reads, view, needsSameSqlite }: LogFormat): Omit<
  Pick<LogFormat, 'name' | 'version' | 'reads' | 'view'>,
  never
> & {
  readonly needsSameSqlite: boolean | undefined
} {
  return { name, version, reads: [...reads], view, needsSameSqlite }
}

/** The commit, with the views that the format did not ask for failing. */
function narrow(commit: Commit, { view }: LogFormat): Commit {
  const refuse = (asked: string) => (): never => {
    throw new Error(`it asks for ${asked} of a commit, and its view is ${view}`)
  }
  return {
    ...commit,
    pages: view === 'pages' ? () => commit.pages() : refuse('pages'),
    rows: view === 'pages' ? refuse('rows') : () => commit.rows(),
    statements: view === 'statements' ? () => commit.statements() : refuse('statements'),
  }
}
