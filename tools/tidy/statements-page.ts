import { STATEMENT_CODES } from '@stemma/format-statement'
import { CATALOGUE, outcomesOf, type Difference, type Outcome, type Policy, type Scene } from '@stemma/format-statement/catalogue'

const POLICIES: readonly Policy[] = ['raw', 'mixed', 'record', 'reject']

/** The page about the format of statements, with what comes of each scene of the catalogue. */
export function showStatementsPage(): string {
  const rows = CATALOGUE.map((scene) => `| ${scene.number} | ${cellsOf(scene).join(' | ')} |\n`)
  return `${INTRODUCTION}\n${HEADER}${rows.join('')}\n${REASONS}${reasons()}`
}

const INTRODUCTION = `# Statements

The format \`statement\` sends a commit as the SQL that made it, and its followers run that SQL again. For bulk changes nothing is smaller:
\`UPDATE stock SET price = price * 2\` is one line, however many rows it touches. It is the oldest way to replicate a database, and dangerous when it is done without a
second thought: a statement that is run again does the same only if nothing in it hangs on the clock, on chance, on the connection, or on the order in which rows
are found. So Stemma asks SQLite of each statement what it hangs on, and sends rows where text would not do.

    const leader = await openLeader({ database: 'app.db', formats: ['statement'], statements: { policy: 'mixed' } })
    leader.database.prepare('UPDATE stock SET price = price * 2').run()

- Statements are seen in \`leader.database\`, which is better-sqlite3's \`Database\` in every respect. What other programs write goes as rows.
- The unit is the transaction. If one of its statements can't be run again, all of it goes as rows.
- Text is a saving, rows are the truth: whenever there is doubt about which statements made a commit, after a crash for example, rows are sent.
- A follower checks what came of each statement: error, count of changes, rowid. If that is not what the leader had, it stops with \`STATEMENT_DIFFERS\` and shows
  both. It takes the leader's settings along: \`foreign_keys\`, \`recursive_triggers\`, \`case_sensitive_like\` and the like travel with each statement.
- It must run the leader's version of SQLite, and store its texts as the leader does. Who does not is turned away, with \`SQLITE_VERSION_DIFFERS\` or \`BAD_ARGUMENT\`,
  and may follow by rows.

## Policies

| policy | what is done with a statement that may do something else on a copy |
| --- | --- |
| \`mixed\` | its transaction travels as rows. The default |
| \`record\` | what its functions gave on the leader (\`random()\`, the date and time functions, \`last_insert_rowid()\` and so on, and functions that are declared recordable) is sent along, and replayed. Where that is not enough, since the order of rows decides, its transaction travels as rows |
| \`reject\` | it fails on the leader with \`STATEMENT_REFUSED\`, before it has done anything. The message says why, and what to write instead |
| \`raw\` | it travels as text, with neither settings nor recorded values. Followers may differ from then on. It is there to show what goes wrong |

\`stemma lint\` says of statements before they run, or of those that did, whether they are safe; its codes are explained in [lint.md](lint.md).

## What goes wrong, and what comes of it

Each row is a statement that does something else when it is run again, by a copy that holds equal rows and differs in one respect. All of them are played by tests, with a
leader and a follower that differ in just that, and this table is written from what they must come to:

- *same, as text*, *same, as rows*: the copy ran the statement, or got the rows, and is equal to the leader, rowids and \`sqlite_sequence\` included;
- **differs**: the copy ran the statement, is another one now, and nobody noticed;
- *stops*: the follower saw another row or another outcome than the leader's, and stopped there;
- *refused*: the program on the leader got an error, and nothing was done;
- *turned away*: a follower that differs in this can't connect.
`

const HEADER = `| # | statement | the copy differs by | ${POLICIES.map((policy) => `\`${policy}\``).join(' | ')} | why |
| --- | --- | --- | ${POLICIES.map(() => '---').join(' | ')} | --- |
`

const REASONS = `Copies that Stemma made do not differ in how they were made. For such rows \`raw\` tells of a copy that somebody changed by hand, and so does what is in brackets.

## What to write instead
`

const DIFFERENCES: Readonly<Record<Difference, string>> = {
  clock: 'its clock',
  dice: 'its random numbers',
  'time-zone': 'its time zone',
  connection: 'its connection',
  function: 'a function that it lacks',
  layout: 'its indexes',
  making: 'how it was made',
  version: 'its SQLite',
  machine: 'its machine',
}

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  statements: 'same, as text',
  rows: 'same, as rows',
  differs: '**differs**',
  stops: 'stops',
  refused: 'refused',
  'not-logged': 'same, nothing is sent',
  'no-follower': 'turned away',
  'not-shown': 'takes two machines to see',
}

function cellsOf(scene: Scene): string[] {
  const outcomes = outcomesOf(scene)
  const { what, statements, session, differs, tampered, code } = scene
  const text = [...(session === undefined ? [] : [session]), ...statements].join('; ')
  const show = (policy: Policy): string => {
    const byHand = tampered === undefined || policy === 'raw' || policy === 'reject' ? '' : ` (${OUTCOMES[tampered]})`
    return OUTCOMES[outcomes[policy]] + byHand
  }
  return [
    `${what}<br>\`\`${text.replaceAll('|', '\\|')}\`\``,
    DIFFERENCES[differs],
    ...POLICIES.map(show),
    `[${code}](lint.md#${code.toLowerCase()})`,
  ]
}

function reasons(): string {
  const codes = [...new Set(CATALOGUE.map(({ code }) => code))].toSorted()
  const rows = codes.map(
    (code) => `| [${code}](lint.md#${code.toLowerCase()}) | ${STATEMENT_CODES[code].why} | ${STATEMENT_CODES[code].instead} |\n`,
  )
  return `\n| code | why | instead |\n| --- | --- | --- |\n${rows.join('')}`
}
