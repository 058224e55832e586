import { StemmaError, type ErrorCode } from '@stemma/base'
import { expect, test } from 'vitest'
import { End, Host, until } from '../test/ends.ts'
import { FakeTimers } from '../test/fake-timers.ts'
import { connectTcp, keepConnected, memoryLinks, type MemoryLinks, type OnLink } from './index.ts'

/** Turns the microtasks that lead from one thing to the next. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

interface World {
  readonly timers: FakeTimers
  readonly abort: AbortController
  readonly end: End
  readonly told: string[]
  readonly links: MemoryLinks[]
  readonly done: Promise<void>
}

/** Keeps connected in a world where each attempt goes as `outcomes` says; the last one again and again. */
function newWorld(outcomes: readonly (ErrorCode | 'link')[], random = 0.999999): World {
  const timers = new FakeTimers()
  const abort = new AbortController()
  const end = new End()
  const told: string[] = []
  const links: MemoryLinks[] = []
  let attempt = 0
  const connect = async (onLink: OnLink): Promise<MemoryLinks['left']> => {
    const outcome = outcomes[Math.min(attempt++, outcomes.length - 1)] ?? 'link'
    told.push(`${timers.now()}: ${outcome}`)
    if (outcome !== 'link') throw new StemmaError(outcome, 'made up')
    const pair = memoryLinks({ schedule: queueMicrotask, onLeft: onLink, onRight: new End().onLink })
    links.push(pair)
    return pair.left
  }
  const onDown = (error: StemmaError | undefined, retryMs: number): void => {
    told.push(`${timers.now()}: down ${error?.code ?? 'in good order'}, again in ${retryMs}`)
  }
  const done = keepConnected({ connect, onLink: end.onLink, onDown, signal: abort.signal, timers, random: () => random })
  return { timers, abort, end, told, links, done }
}

/** Lets time pass in small steps, as a world does. */
async function pass(world: World, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 50) {
    await settle()
    world.timers.advance(Math.min(50, left))
  }
  await settle()
}

test('after each failure it waits twice as long, up to the most', async () => {
  const world = newWorld(['CONNECT_FAILED'])
  await pass(world, 40_000)
  expect(world.told.filter((line) => line.includes('CONNECT_FAILED,')).map((line) => line.split(' ').at(-1))).toEqual([
    '100',
    '200',
    '400',
    '800',
    '1600',
    '3200',
    '6400',
    '10000',
    '10000',
    '10000',
  ])
  world.abort.abort()
  await world.done
})

test('waits are drawn from the upper half of their range', async () => {
  const world = newWorld(['CONNECT_FAILED'], 0)
  await pass(world, 500)
  expect(world.told.filter((line) => line.includes('down'))).toEqual([
    '0: down CONNECT_FAILED, again in 50',
    '50: down CONNECT_FAILED, again in 100',
    '150: down CONNECT_FAILED, again in 200',
    '350: down CONNECT_FAILED, again in 400',
  ])
  world.abort.abort()
  await world.done
})

test('a link that lasted makes the next wait a short one; one that broke at once does not', async () => {
  const world = newWorld(['CONNECT_FAILED', 'CONNECT_FAILED', 'link'])
  await pass(world, 300)
  world.links[0]?.cut()
  await pass(world, 400)
  await pass(world, 6000)
  world.links[1]?.cut()
  await pass(world, 100)
  expect(world.told).toEqual([
    '0: CONNECT_FAILED',
    '0: down CONNECT_FAILED, again in 100',
    '100: CONNECT_FAILED',
    '100: down CONNECT_FAILED, again in 200',
    '300: link',
    '300: down LINK_LOST, again in 400',
    '700: link',
    '6700: down LINK_LOST, again in 100',
    '6800: link',
  ])
  expect(world.end.ending).toBe('LINK_LOST, LINK_LOST')
  world.abort.abort()
  await world.done
})

test.each<ErrorCode>(['AUTHENTICATION_FAILED', 'TRANSPORT_VERSION', 'TLS_REFUSED'])(
  '%s is told each time, and tried again only slowly',
  async (code) => {
    const world = newWorld([code])
    await pass(world, 130_000)
    expect(world.told.filter((line) => line.includes('down'))).toEqual([
      `0: down ${code}, again in 60000`,
      `60000: down ${code}, again in 60000`,
      `120000: down ${code}, again in 60000`,
    ])
    world.abort.abort()
    await world.done
  },
)

test.each([
  ['while it waits', ['CONNECT_FAILED'] as const, 0],
  ['while a link is up', ['link'] as const, 1],
])('it ends when it is told to: %s', async (_when, outcomes, closings) => {
  const world = newWorld(outcomes)
  await settle()
  world.abort.abort()
  await world.done
  expect(world.end.closings).toHaveLength(closings)
  expect(world.timers.waiting).toBe(0)
})

test('it does not even begin when it was told to end before', async () => {
  const told: string[] = []
  const connect = (): Promise<never> => {
    told.push('connect')
    return Promise.reject(new Error('not reached'))
  }
  await keepConnected({ connect, onLink: new End().onLink, signal: AbortSignal.abort() })
  expect(told).toEqual([])
})

test('a mistake in the program is not tried again', async () => {
  const connect = (): Promise<never> => Promise.reject(new TypeError('a bug'))
  await expect(keepConnected({ connect, onLink: new End().onLink, signal: new AbortController().signal })).rejects.toThrow(
    'a bug',
  )
})

test('over TCP: a listener that comes back on the same port is found again', async () => {
  const abort = new AbortController()
  const timers = new FakeTimers()
  const end = new End()
  const first = await Host.listen()
  const { port, url } = first.listener
  const downs: string[] = []
  const done = keepConnected({
    connect: (onLink, signal) => connectTcp({ url, onLink, signal }),
    onLink: end.onLink,
    onDown: (error) => downs.push(error?.code ?? 'in good order'),
    signal: abort.signal,
    timers,
  })
  await until(() => first.end.link !== undefined)
  await first.listener.close()
  await until(() => downs.length === 1)
  timers.advance(10_000)
  await until(() => downs.length === 2)
  const second = await Host.listen({ port })
  timers.advance(10_000)
  await until(() => second.end.link !== undefined)
  second.end.up.send([Uint8Array.of(1)])
  await until(() => end.messages.length === 1)
  expect(downs).toEqual(['in good order', 'CONNECT_FAILED'])
  abort.abort()
  await done
  await until(() => second.end.isClosed)
  expect(second.end.ending).toBe('in good order')
})
