import { Worker } from 'node:worker_threads'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { CommitGate } from './commit-gate.ts'

/** A writer on another thread: enters and leaves a number of times, and posts how long the longest `enter` took. */
const WRITER = `
import { parentPort, workerData } from 'node:worker_threads'
const { CommitGate } = await import(workerData.module)
const gate = new CommitGate(workerData.memory)
let longest = 0
for (let i = 0; i < workerData.times; i++) {
  const began = performance.now()
  gate.enter()
  longest = Math.max(longest, performance.now() - began)
  gate.leave()
}
parentPort.postMessage(longest)
`

function startWriter(gate: CommitGate, times: number): Worker {
  const module = new URL('./commit-gate.ts', import.meta.url).href
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(WRITER)}`), {
    workerData: { module, memory: gate.memory, times },
  })
}

test('a held gate lets nobody begin, and released it lets writers go on', async () => {
  const gate = new CommitGate()
  gate.attach()
  expect(await gate.hold(100)).toBe(true)
  const writer = startWriter(gate, 1)
  await once(writer, 'online')
  gate.release()
  const [longest] = (await once(writer, 'message')) as [number]
  expect(longest).toBeLessThan(1000)
})

test('a gate that nobody releases is passed in spite of it', async () => {
  const gate = new CommitGate()
  gate.attach()
  await gate.hold(100)
  const [longest] = (await once(startWriter(gate, 1), 'message')) as [number]
  expect(longest).toBeGreaterThan(20)
})

test('a gate can not be held while a transaction stays open', async () => {
  const gate = new CommitGate()
  gate.enter()
  expect(await gate.hold(5)).toBe(false)
  gate.leave()
  expect(await gate.hold(5)).toBe(true)
})

test('a writer that has used up what it was allowed waits for more, but not for ever', async () => {
  const gate = new CommitGate()
  gate.attach()
  gate.allow(gate.entered, 1)
  const [longest] = (await once(startWriter(gate, 2), 'message')) as [number]
  expect(longest).toBeGreaterThan(20)
})

test('a writer waits again and again while its follower says that there is no room, and no more when it is allowed all', async () => {
  const gate = new CommitGate()
  gate.attach()
  gate.allow(gate.entered, 0)
  const writer = startWriter(gate, 4)
  const refuse = setInterval(() => gate.allow(gate.entered, 0), 2)
  const start = performance.now()
  const [longest] = (await once(writer, 'message')) as [number]
  clearInterval(refuse)
  expect(longest).toBeGreaterThan(20)
  expect(performance.now() - start).toBeGreaterThan(4 * 20)
  gate.allowAll()
  const [later] = (await once(startWriter(gate, 4), 'message')) as [number]
  expect(later).toBeLessThan(20)
})

test('a follower that is stuck is waited for less and less often', () => {
  const gate = new CommitGate()
  gate.attach()
  gate.allow(gate.entered, 0)
  const start = performance.now()
  for (let i = 0; i < 400; i++) {
    gate.enter()
    gate.leave()
  }
  // 400 waits would be 16 seconds.
  expect(performance.now() - start).toBeLessThan(8000)
})

test('a sleeper hears of the next write', async () => {
  const gate = new CommitGate()
  const wakes = gate.beforeSleep()
  const woken = new Promise<void>((resolve) => gate.sleep(wakes, resolve))
  gate.enter()
  gate.leave()
  await woken
})

test('a write between saying so and sleeping is not missed', async () => {
  const gate = new CommitGate()
  const wakes = gate.beforeSleep()
  gate.enter()
  gate.leave()
  await new Promise<void>((resolve) => gate.sleep(wakes, resolve))
})
