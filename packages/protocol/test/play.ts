import {
  newFeed,
  newFollower,
  newLeader,
  parseStory,
  showStory,
  stepFeed,
  stepFollower,
  stepLeader,
  type Feed,
  type FeedConfig,
  type FeedEffect,
  type FeedInput,
  type Follower,
  type FollowerConfig,
  type FollowerEffect,
  type FollowerInput,
  type Held,
  type Leader,
  type LeaderEffect,
  type LeaderInput,
  type Message,
} from '../src/index.ts'

type Effect = LeaderEffect | FollowerEffect | FeedEffect

/** Fields that a story need not tell: they have these values then, and are not shown. */
const DEFAULTS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  hello: {
    versions: [1, 1],
    wants: 'follow',
    node: 'F',
    name: 'copy',
    sqlite: '3.54.1',
    cluster: undefined,
    pageSize: undefined,
    epoch: 0,
    formats: [{ name: 'wal', versions: [1] }],
  },
  welcome: {
    version: 1,
    cluster: 'c1',
    node: 'L',
    epoch: 2,
    format: 'wal',
    formatVersion: 1,
    pageSize: 4096,
    tip: { epoch: 2, sequence: 10 },
    time: 0,
  },
  snapshot: { digest: 10n, pageSize: 4096, pageCount: 5 },
  info: { digest: 10n, pageSize: 4096, pageCount: 5 },
  'link-opened': { address: 'there' },
  'follower-joined': { node: 'F', name: 'copy', address: 'there', format: 'wal', wants: 'follow' },
  'follower-left': { node: 'F', name: 'copy' },
  'follower-needs-snapshot': { node: 'F', name: 'copy' },
  'follower-diverged': { node: 'F', name: 'copy' },
  'link-refused': { address: 'there' },
  'fetch-pages': { have: new Uint8Array(0) },
  'read-pages': { have: new Uint8Array(0) },
  'sums-read': { have: new Uint8Array(0) },
  pages: { leftOut: new Uint8Array(0), bytes: new Uint8Array(0) },
  'write-pages': { leftOut: new Uint8Array(0), bytes: new Uint8Array(0) },
  'pages-read': { leftOut: new Uint8Array(0), bytes: new Uint8Array(0) },
  committed: { runs: [] },
  disconnect: { retryAfterMs: 0 },
  answer: { message: '', body: new Uint8Array(0) },
}

/** A copy as most stories have it: at position 2:7. */
export const COPY: Held = {
  kind: 'copy',
  cluster: 'c1',
  position: { epoch: 2, sequence: 7 },
  digest: 7n,
  pageSize: 4096,
}

/** A leader at 2:10 that nobody has connected to. */
export function aLeader(): Leader {
  return newLeader(
    {
      cluster: 'c1',
      node: 'L',
      epoch: 2,
      run: 'r',
      pageSize: 4096,
      sqlite: '3.54.1',
      formats: [
        { name: 'wal', version: 1 },
        { name: 'statement', version: 1, needsSameSqlite: true },
      ],
      tip: { epoch: 2, sequence: 10 },
    },
    { linksMax: 3, snapshotsMax: 2, fetchesMax: 2, entriesBytes: 100, partBytes: 100 },
  )
}

/** A follower that is not connected. */
export function aFollower(config: Partial<FollowerConfig> = {}): Follower {
  const held = config.held ?? COPY
  return newFollower(
    {
      node: 'F',
      name: 'copy',
      sqlite: '3.54.1',
      formats: [{ name: 'wal', versions: [1] }],
      onDiverged: 'snapshot',
      held,
      durable: held.kind === 'copy' ? held.position : undefined,
      resume: undefined,
      ...config,
    },
    0,
    { windowBytes: 800, fetchBytes: 8192, fetchesMax: 2 },
  )
}

/** A feed that is not connected, with a window of 800 bytes. */
export function aFeed(config: Partial<FeedConfig> = {}): Feed {
  const formats = [{ name: 'wal', versions: [1] }]
  const common = { node: 'F', name: 'copy', sqlite: '3.54.1', formats, cluster: undefined, from: { epoch: 2, sequence: 7 } }
  return newFeed({ ...common, ...config }, 0, { windowBytes: 800 })
}

/**
 * Plays a story: the lines that are not indented are what happens, and each is followed by what is done about it, indented.
 * `1< hello` is a message that came over link 1, `1> welcome` one that goes out, `@500 tick` happens at 500 ms.
 *
 * @returns the story as it came out
 */
export function playLeader(story: string): string {
  let leader = aLeader()
  return play(story, (input, now) => {
    const step = stepLeader(leader, input as LeaderInput, now)
    leader = step.leader
    return step.effects
  })
}

/** The same for a follower; messages are `< welcome` and `> hello`. */
export function playFollower(story: string, config: Partial<FollowerConfig> = {}): string {
  let follower = aFollower(config)
  return play(story, (input, now) => {
    const step = stepFollower(follower, input as FollowerInput, now)
    follower = step.follower
    return step.effects
  })
}

/** The same for a feed. */
export function playFeed(story: string, config: Partial<FeedConfig> = {}): string {
  let feed = aFeed(config)
  return play(story, (input, now) => {
    const step = stepFeed(feed, input as FeedInput, now)
    feed = step.feed
    return step.effects
  })
}

/** A story without its indentation and what is done in it. */
export function trim(story: string): string {
  const lines = story.split('\n').filter((line) => line.trim() !== '')
  const margin = Math.min(...lines.map((line) => line.length - line.trimStart().length))
  return lines.map((line) => line.slice(margin)).join('\n')
}

function play(story: string, step: (input: unknown, now: number) => readonly Effect[]): string {
  const told: string[] = []
  let now = 0
  for (const line of trim(story).split('\n')) {
    if (line.startsWith(' ')) continue
    told.push(line)
    const [, time, what] = /^(?:@(\d+) )?(.*)$/.exec(line)!
    if (time !== undefined) now = Number(time)
    for (const effect of step(parseInput(what!), now)) told.push(`  ${showEffect(effect)}`)
  }
  return told.join('\n')
}

/** Reads what happens. */
export function parseInput(line: string): LeaderInput | FollowerInput | FeedInput {
  const arrived = /^(?:(\d+))?< (.*)$/.exec(line)
  if (arrived === null) return complete(parseStory(line)) as LeaderInput
  const message = complete(parseStory(arrived[2]!)) as Message
  return arrived[1] === undefined ? { kind: 'message', message } : { kind: 'message', link: Number(arrived[1]), message }
}

/** Writes what is done. */
export function showEffect(effect: Effect): string {
  if (effect.kind === 'send') return `${'link' in effect ? effect.link : ''}> ${showStory(withoutDefaults(effect.message))}`
  if (effect.kind === 'report') return `report ${showStory(withoutDefaults(effect.report))}`
  return showStory(withoutDefaults(effect))
}

function complete(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const { kind, info } = value as { readonly kind: string; readonly info?: object }
  return { ...DEFAULTS[kind], ...value, ...(info === undefined ? {} : { info: { ...DEFAULTS['info'], ...info } }) }
}

function withoutDefaults(value: object): object {
  const { kind } = value as { readonly kind: string }
  const told = Object.entries(value).map(([name, field]) => {
    if (name === 'info') return [name, without(field as object, DEFAULTS['info']!)] as const
    return [name, field] as const
  })
  return without(Object.fromEntries(told), DEFAULTS[kind] ?? {})
}

/** Texts for people may change in any release. */
const FOR_PEOPLE: ReadonlySet<string> = new Set(['message', 'hint'])

function without(value: object, defaults: Readonly<Record<string, unknown>>): object {
  const told = Object.entries(value).filter(([name, field]) => {
    return name === 'kind' || !(FOR_PEOPLE.has(name) || (name in defaults && isSame(field, defaults[name])))
  })
  return Object.fromEntries(told)
}

function isSame(a: unknown, b: unknown): boolean {
  return showStory({ a }) === showStory({ a: b })
}
