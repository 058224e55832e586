import Database from 'better-sqlite3'
import { newDice, onceIn } from './dice.ts'

// Another program, which knows nothing of Stemma and writes where a leader's program does: `stranger-process.ts PATH NAME SEED COUNT`.

const [path, name, seed, count] = process.argv.slice(2) as [string, string, string, string]
const database = new Database(path, { timeout: 30_000 })
const dice = newDice(Number(seed))
for (let i = 0; i < Number(count); i++) {
  const who = `${name} ${i}`
  if (!onceIn(dice, 3)) database.prepare('INSERT INTO note (who) VALUES (?)').run(who)
  else if (onceIn(dice, 2)) database.prepare('UPDATE note SET who = who WHERE id % 3 = ?').run(dice(3))
  else {
    database.transaction(() => {
      database.prepare('UPDATE note SET who = ? WHERE id % 5 = ?').run(who, dice(5))
      database.prepare('DELETE FROM note WHERE id % 7 = ?').run(dice(7))
    })()
  }
  if (onceIn(dice, 60)) database.exec(`ALTER TABLE note ADD COLUMN "${who}"`)
}
database.close()
