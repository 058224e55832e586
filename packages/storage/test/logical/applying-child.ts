// Applies the entries in a file to a copy, a few at a time, and says so after each time. It ends when it is killed, or has all.
import { readFileSync } from 'node:fs'
import { decodeEntry, type DecodedEntry } from '@stemma/log'
import { openLogicalReplica } from '../../src/logical/open-logical-replica.ts'
import { newRandom } from '../replica/workload.ts'
import { jsonRows } from './json-rows.ts'
import { plainStatements } from './statement-leader.ts'

const [database, file, seed] = process.argv.slice(2)
const random = newRandom(Number(seed))
const bytes = readFileSync(file!)
const entries: DecodedEntry[] = []
for (let offset = 0; offset < bytes.byteLength; offset += entries.at(-1)!.byteLength) entries.push(decodeEntry(bytes, offset)!)
const replica = await openLogicalReplica({
  database: database!,
  formats: [jsonRows, plainStatements],
  merge: random(2) === 0,
  softWalBytes: 100_000,
})
for (;;) {
  const { state } = replica
  if (state.kind !== 'ready') throw new Error('there is no copy')
  const waiting = entries.filter(({ position }) => position.sequence > state.position.sequence)
  if (waiting.length === 0) break
  replica.apply(waiting.slice(0, 1 + random(8)))
  if (random(4) === 0) await replica.sync()
  process.stdout.write('.')
  await new Promise(setImmediate)
}
await replica.close()
