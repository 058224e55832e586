import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { newDice, onceIn, printSeed, times } from './support/dice.ts'
import { newStatementWorld } from './support/statement-world.ts'

const SEED = printSeed('statements beside others')
const STRANGER = fileURLToPath(new URL('./support/stranger-process.ts', import.meta.url))
const NOTES = 'CREATE TABLE note (id INTEGER PRIMARY KEY, who TEXT)'

test('what another connection writes travels as rows, and what the program writes before and after it as statements', async () => {
  const { app, leader, expectSame, sent } = await newStatementWorld(NOTES)
  const other = new Database(app)
  onTestFinished(() => void other.close())
  const insert = leader.database.prepare('INSERT INTO note (who) VALUES (?)')
  const pair = leader.database.transaction((who: string) => [insert.run(who), insert.run(who)])
  pair('ours')
  other.exec("INSERT INTO note (who) VALUES ('theirs')")
  // Nobody else can come in between the look before COMMIT and COMMIT.
  pair('ours')
  await expectSame()
  expect(await sent()).toEqual({ entries: 3, asRows: 1 })
})

test('a schema that another program changed is known to the program from then on', async () => {
  const { app, leader, expectSame, sent } = await newStatementWorld(NOTES)
  const other = new Database(app)
  onTestFinished(() => void other.close())
  other.exec('ALTER TABLE note ADD COLUMN v DEFAULT (random())')
  await expectSame()
  leader.database.exec("INSERT INTO note (who) VALUES ('unsafe now')")
  leader.database.exec("INSERT INTO note (who, v) VALUES ('safe', 1)")
  await expectSame()
  expect(await sent()).toEqual({ entries: 3, asRows: 2 })
})

test.each(Array.from({ length: times(1, 20) }, (_, n) => n))(
  'workload %i: beside programs that write as fast as they can, a copy by statements ends with the same rows',
  { timeout: 240_000 },
  async (n) => {
    const seed = SEED + n
    const dice = newDice(seed)
    const { app, leader, expectSame, sent } = await newStatementWorld(NOTES)
    const { database } = leader
    database.pragma('busy_timeout = 30000')
    let isOver = false
    const strangers = ['they', 'others'].map((name, i) =>
      promisify(execFile)(process.execPath, [STRANGER, app, name, `${seed + i + 1}`, '150']),
    )
    const over = Promise.all(strangers).finally(() => (isOver = true))
    for (let i = 0; !isOver || i < 150; i++) {
      const who = `ours ${i}`
      if (!onceIn(dice, 3)) database.prepare('INSERT INTO note (who) VALUES (?)').run(who)
      else if (onceIn(dice, 2)) database.prepare('UPDATE note SET who = who WHERE id % 3 = ?').run(dice(3))
      else {
        database
          .transaction(() => {
            database.prepare('UPDATE note SET who = ? WHERE id % 5 = ?').run(who, dice(5))
            database.prepare('DELETE FROM note WHERE id % 7 = ?').run(dice(7))
          })
          .immediate()
      }
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await over
    await expectSame()
    const { entries, asRows } = await sent()
    expect(entries).toBeGreaterThan(asRows)
  },
)
