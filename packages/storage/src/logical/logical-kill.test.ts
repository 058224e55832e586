import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeEntry } from '@stemma/log'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { contentOf } from '../../test/logical/content.ts'
import { newPair } from '../../test/logical/follow-rows.ts'
import { StatementLeader, newStatementPair } from '../../test/logical/statement-leader.ts'
import { inFolder } from '../../test/replica/follow.ts'
import { newRandom } from '../../test/replica/workload.ts'

// Hundreds of times, for a long run.
const KILLS = process.env['STEMMA_EXHAUSTIVE'] === '1' ? 300 : 12
const SEED = Number(process.env['STEMMA_SEED'] ?? Date.now() % 1_000_000)
const COMMITS = KILLS * 30
const CHILD = new URL('../../test/logical/applying-child.ts', import.meta.url).pathname

const SCHEMA = 'CREATE TABLE done (n INTEGER PRIMARY KEY, text TEXT UNIQUE); CREATE TABLE last (n); INSERT INTO last VALUES (1)'

test.each([
  ['rows', newPair],
  ['statements', newStatementPair],
] as const)(
  `a process that applies %s is killed ${KILLS} times: nothing is lost, nothing comes twice`,
  { timeout: 3_600_000 },
  (log, open) =>
    inFolder(async (folder) => {
      console.log(`seed ${SEED}`)
      const random = newRandom(SEED)
      const { leader, replica, source, copy } = await open(folder, SCHEMA)
      await replica.close()
      for (let n = 2; n <= COMMITS; n++) {
        const schema =
          n % 40 === 0
            ? `; CREATE TABLE t${n} (a UNIQUE); INSERT INTO t${n} VALUES (${n}); DROP TABLE IF EXISTS t${Math.max(0, n - 80)}`
            : ''
        const text = log === 'rows' ? `hex(randomblob(${random(200)}))` : `printf('%*d', ${random(200)}, ${random(1_000)})`
        const script = `INSERT INTO done VALUES (${n}, 'commit ${n} ' || ${text}); UPDATE last SET n = ${n}; DELETE FROM done WHERE n = ${n - 100}${schema}`
        if (leader instanceof StatementLeader && random(4) === 0) leader.runAsRows(`BEGIN; ${script}; COMMIT`)
        else leader.commit(script)
      }
      const file = join(folder, 'entries')
      writeFileSync(file, Buffer.concat(leader.entries.map(encodeEntry)))

      let killed = 0
      for (let life = 0; ; life++) {
        const wasKilled = await live([copy, file, String(SEED + life)], 1 + random(8))
        const at = positionOf(copy)
        if (!wasKilled) break
        killed++
        expect(at.sequence, `life ${life}`).toBe(at.last)
        expect(at.done, `life ${life}`).toBe(at.last === 1 ? null : at.last)
        expect(at.integrity).toBe('ok')
      }
      expect(killed).toBeGreaterThan(KILLS / 2)
      expect(contentOf(copy)).toEqual(contentOf(source))
      leader.close()
    }),
)

/** One life of a process, until it has said so often that it applied something; false when it came to its end. */
function live(parameters: readonly string[], kills: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CHILD, ...parameters], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = 0
    let errors = ''
    child.stdout.on('data', (text: Buffer) => {
      said += text.byteLength
      // What it does at this moment, nobody knows.
      if (said >= kills) child.kill('SIGKILL')
    })
    child.stderr.on('data', (text: Buffer) => (errors += text.toString()))
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve(false)
      else if (signal === 'SIGKILL') resolve(true)
      else reject(new Error(`the child ended with ${code}: ${errors}`))
    })
  })
}

function positionOf(path: string): { sequence: unknown; last: unknown; done: unknown; integrity: unknown } {
  const database = new Database(path)
  const value = (sql: string): unknown => database.prepare(sql).pluck().get()
  const at = {
    sequence: value('SELECT sequence FROM _stemma_copy'),
    last: value('SELECT n FROM last'),
    done: value('SELECT max(n) FROM done'),
    integrity: database.pragma('integrity_check', { simple: true }),
  }
  database.close()
  return at
}
