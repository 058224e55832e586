import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CATALOGUE, outcomesOf, type Outcome, type Policy, type Scene } from '@stemma/format-statement/catalogue'
import { expect, test } from 'vitest'
import { Child } from './support/child.ts'
import { makeDatabase, newFolder } from './support/folder.ts'
import { hasProgram } from './support/programs.ts'
import { changeCopy, isRefused, outcomeOf } from './support/scene-roles.ts'

const POLICIES: readonly Policy[] = ['raw', 'mixed', 'record', 'reject']
const IS_LONG = process.env['STEMMA_LONG'] === '1'
const SKEW_SECONDS = 400 * 86_400

// A clock is shifted by what is preloaded into a process, which is made by a C compiler, and works like this on Linux only.
const canSkew = process.platform === 'linux' && hasProgram('cc')
if (!canSkew) console.log('SKIPPED: processes with another clock, since there is no C compiler here, or this is not Linux')

test.skipIf(!canSkew).each(IS_LONG ? POLICIES : POLICIES.slice(0, 3))(
  '%s: the catalogue by processes in two time zones, whose clocks are a year apart',
  { timeout: 240_000 },
  async (policy) => {
    const folder = newFolder()
    const clock = { LD_PRELOAD: makeClock(folder), CLOCK_SKEW_SECONDS: String(SKEW_SECONDS) }
    const played = scenesOf()
    const pathsOf = (number: number): { leader: string; copy: string } => ({
      leader: join(folder, `${number}.db`),
      copy: join(folder, `${number}-copy.db`),
    })
    for (const { number } of played) makeDatabase(pathsOf(number).leader, '')

    const numbers = played.map(({ number }) => String(number))
    const leader = new Child('catalogue-process.ts', ['lead', policy, folder, ...numbers], { TZ: 'America/New_York' })
    const { urls, sequences: before } = (await leader.told('up')) as unknown as Up
    const follow = async (sequences: readonly number[]): Promise<Record<string, unknown>> => {
      const pairs = numbers.map((number, i) => `${number}=${urls[i]}=${sequences[i]}`)
      const follower = new Child('catalogue-process.ts', ['follow', folder, ...pairs], { TZ: 'Asia/Kolkata', ...clock })
      return follower.told('done')
    }
    await follow(before)
    for (const { number, scene } of played) if (isTamperedUnder(policy, scene)) changeCopy(pathsOf(number).copy, scene)
    const { codes, sequences, clock: seconds } = (await leader.order('run')) as unknown as Run
    const { stopped, now } = (await follow(sequences)) as unknown as Done
    expect(now / 1000 - seconds).toBeGreaterThan(SKEW_SECONDS - 60)

    const found: [string, Outcome, unknown][] = []
    for (const [i, { number, scene }] of played.entries()) {
      const why = stopped[number]
      const { outcome, why: how } = isRefused(codes[i]!)
        ? { outcome: 'refused' as const, why: codes[i] }
        : why !== undefined
          ? { outcome: 'stops' as const, why }
          : await outcomeOf({ ...pathsOf(number), after: before[i]! })
      if (outcome !== outcomesOf(scene)[policy]) found.push([`${scene.number} ${scene.what}`, outcome, how])
    }
    expect(found, 'scenes that came out otherwise').toEqual([])
    await leader.order('close')
  },
)

interface Up {
  readonly urls: readonly string[]
  readonly sequences: readonly number[]
}

interface Run {
  readonly codes: readonly string[][]
  readonly sequences: readonly number[]
  readonly clock: number
}

interface Done {
  readonly stopped: Readonly<Record<string, string>>
  readonly now: number
}

/**
 * Those that processes of one machine and one SQLite can play, with their places in the catalogue. What does not hang on a process is left to longer runs:
 * a test in one process plays it as well.
 */
function scenesOf(): { readonly number: number; readonly scene: Scene }[] {
  const isOfProcess = ({ differs }: Scene): boolean => ['clock', 'dice', 'time-zone', 'connection', 'function'].includes(differs)
  return CATALOGUE.map((scene, number) => ({ number, scene })).filter(
    ({ scene }) =>
      isOfProcess(scene) || (IS_LONG && !['version', 'machine'].includes(scene.differs) && scene.copyEncoding === undefined),
  )
}

function isTamperedUnder(policy: Policy, { differs }: Scene): boolean {
  return differs !== 'making' || policy === 'raw'
}

function makeClock(folder: string): string {
  const [source, library] = [fileURLToPath(new URL('support/skewed-clock.c', import.meta.url)), join(folder, 'skewed-clock.so')]
  const made = spawnSync('cc', ['-shared', '-fPIC', '-o', library, source, '-ldl'], { encoding: 'utf8' })
  if (made.status !== 0) throw new Error(made.stderr)
  return library
}
