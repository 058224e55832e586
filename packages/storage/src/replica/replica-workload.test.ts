import { join } from 'node:path'
import type { DecodedEntry } from '@stemma/log'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { bytesOf, inFolder, open, takeSnapshot } from '../../test/replica/follow.ts'
import { TestLeader } from '../../test/replica/test-leader.ts'
import { newRandom, randomSql } from '../../test/replica/workload.ts'

const SEED = Number(process.env['STEMMA_SEED'] ?? Date.now() % 1_000_000)

test.each([
  { pageSize: 512, autoVacuum: 'none', merge: true },
  { pageSize: 512, autoVacuum: 'full', merge: false },
  { pageSize: 1024, autoVacuum: 'incremental', merge: true },
  { pageSize: 4096, autoVacuum: 'none', merge: true },
  { pageSize: 4096, autoVacuum: 'none', merge: false },
  { pageSize: 4096, autoVacuum: 'incremental', merge: true },
  { pageSize: 65_536, autoVacuum: 'none', merge: true },
])(
  'random work reaches readers whole: pages of $pageSize, auto_vacuum $autoVacuum, merge $merge',
  ({ pageSize, autoVacuum, merge }) =>
    inFolder(async (folder) => {
      console.log(`seed ${SEED}`)
      const random = newRandom(SEED)
      const leader = new TestLeader(join(folder, 'leader.db'), { pageSize, autoVacuum })
      leader.run(randomSql(random, 0))
      const softWalBytes = 40 * pageSize
      let replica = await open(folder, { merge, softWalBytes, cacheBytes: 16 * pageSize })
      await takeSnapshot(leader, replica)

      const old = new Database(replica.database, { readonly: true })
      old.exec('BEGIN')
      const snapshot = old.prepare('SELECT count(*), total(length(y)) FROM a').raw()
      const seen = snapshot.get()
      const digests = new Map([[0, leader.digest]])
      let waiting: DecodedEntry[] = []
      for (let step = 1; step <= 120; step++) {
        const entries = leader.run(randomSql(random, step))
        waiting.push(...entries)
        for (const { position, digest } of entries) digests.set(position.sequence, digest)
        if (random(3) === 0) {
          replica.apply(waiting)
          waiting = []
          expect(replica.state).toMatchObject({ kind: 'ready', position: leader.position, digest: leader.digest })
          if (step < 60) expect(snapshot.get()).toEqual(seen)
          await new Promise(setImmediate)
        }
        if (step === 60) old.close()
        if (random(30) === 0) {
          await replica.close()
          replica = await open(folder, { merge, softWalBytes, cacheBytes: 16 * pageSize })
        }
      }
      replica.apply(waiting)
      const reader = new Database(replica.database, { readonly: true })
      expect(reader.pragma('integrity_check', { simple: true })).toBe('ok')
      reader.close()
      await replica.close()
      expect(Buffer.compare(bytesOf(replica), leader.bytes())).toBe(0)
      leader.close()
    }),
)
