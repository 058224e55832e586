import { StemmaError } from '@stemma/base'
import { PageSums, type LogBatch, type LogStore, type Place } from '@stemma/storage'
import { expect, onTestFinished, test } from 'vitest'
import { BufferedLog } from './buffered-log.ts'
import { LogKeeper } from './log-keeper.ts'

/** A log whose writes fail while `isBroken`, and which tells what reached it. */
class BrokenStore {
  isBroken = true
  readonly done: string[] = []

  write({ place }: LogBatch): void {
    this.#do(`write ${place.position.sequence}`)
  }

  startOver({ position }: Place): void {
    this.#do(`startOver ${position.sequence}`)
  }

  syncInBackground(): Promise<void> {
    this.#do('sync')
    return Promise.resolve()
  }

  #do(what: string): void {
    if (this.isBroken) throw new StemmaError('LOG_FAILED', 'input/output error')
    this.done.push(what)
  }
}

function newScene() {
  const store = new BrokenStore()
  const log = new BufferedLog(store as unknown as LogStore)
  const warnings: string[] = []
  const clock = { now: 0 }
  const keeper = new LogKeeper({
    log,
    retention: { maxBytes: 1e9, maxAge: 1e9, unneededBytes: 1e9 },
    now: () => clock.now,
    sums: () => new PageSums(),
    neededAfter: () => undefined,
    warn: (error) => warnings.push((error as StemmaError).message),
  })
  onTestFinished(() => keeper.close())
  let sequence = 0
  const commit = (bytes = 100): void => {
    sequence++
    const place = { position: { epoch: 1, sequence } } as Place
    const run = { format: 'wal', first: sequence, last: sequence, bytes: new Uint8Array(bytes) }
    keeper.add({ place, changedSums: new Map(), runs: [run] })
    keeper.flush()
  }
  return { store, log, warnings, clock, keeper, commit }
}

test('a log that fails for a while loses nothing', async () => {
  const { store, log, clock, commit } = newScene()
  commit()
  clock.now += 29_000
  commit()
  expect(log.isLost).toBe(false)
  await expect(log.syncInBackground()).rejects.toThrow('LOG_FAILED')
  store.isBroken = false
  commit()
  expect(store.done).toEqual(['write 3'])
})

test('a failure that passed does not count when the next one comes', () => {
  const { store, log, clock, commit } = newScene()
  commit()
  store.isBroken = false
  clock.now += 29_000
  commit()
  store.isBroken = true
  clock.now += 29_000
  commit()
  expect(log.isLost).toBe(false)
})

test('a log that fails for good is given up, says so, lets checkpoints go on, and begins anew when it can', async () => {
  const { store, log, warnings, clock, commit } = newScene()
  commit()
  clock.now += 30_000
  commit()
  expect(log.isLost).toBe(true)
  expect(warnings.at(-1)).toContain('given up')
  // What a checkpoint waits for.
  await log.syncInBackground()
  commit()
  expect(log.pendingBytes).toBe(0)
  store.isBroken = false
  commit()
  commit()
  expect(store.done).toEqual(['startOver 4', 'write 5'])
})

test('a log that fails while very much comes is given up earlier, since what waits is in memory', () => {
  const { log, commit } = newScene()
  for (let i = 0; i < 64 && !log.isLost; i++) commit(1024 * 1024 + 1)
  expect(log.isLost).toBe(true)
  expect(log.pendingBytes).toBe(0)
})
