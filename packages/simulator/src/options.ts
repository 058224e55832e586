import { Dice } from './dice.ts'

/** What a run may do to the nodes, drawn anew for each seed so that different seeds go to different extremes. */
export interface SimulationOptions {
  readonly seed: number
  readonly followers: number
  /** A leader ships what it has synced, or what it has committed. */
  readonly ship: 'synced' | 'immediate'
  /** How long things go wrong, and how long the nodes then have to become equal. Milliseconds. */
  readonly chaosMs: number
  readonly healMs: number
  /** Mean time between commits, in milliseconds. */
  readonly commitEveryMs: number
  /** Mean time between faults, in milliseconds. */
  readonly faultEveryMs: number
  /** How often each fault is drawn, against the others. */
  readonly faults: Readonly<Record<Fault, number>>
  /** Milliseconds that a message takes: at least and at most. */
  readonly delayMs: readonly [number, number]
  /** Links that lose, repeat and reorder single messages, as no TCP connection does. */
  readonly unruly: boolean
  /** Commits that retention leaves. */
  readonly keep: number
  readonly windowBytes: number
  readonly entriesBytes: number
  readonly partBytes: number
  readonly onDiverged: 'snapshot' | 'stop'
}

export const FAULTS = [
  'cut-link',
  'one-way-cut',
  'partition',
  'kill-leader',
  'power-cut-leader',
  'restore-leader',
  'new-epoch',
  'kill-follower',
  'power-cut-follower',
  'restore-follower',
  'wipe-follower',
  'forget-position',
  'rot',
  'full-disk',
  'wrong-address',
  'link-full',
  'retention',
  'snapshot-lost',
  'pause-follower',
] as const

export type Fault = (typeof FAULTS)[number]

/** The options that belong to a seed. */
export function drawOptions(seed: number): SimulationOptions {
  const dice = new Dice(seed)
  const rare = new Set<Fault>(['restore-leader', 'wipe-follower', 'rot', 'forget-position', 'restore-follower'])
  const always = new Set<Fault>(['retention', 'pause-follower'])
  const weight = (fault: Fault): number => {
    if (always.has(fault)) return 0.5 + dice.unit()
    return dice.chance(0.3) ? 0 : dice.unit() * (rare.has(fault) ? 0.3 : 1)
  }
  const faults = Object.fromEntries(FAULTS.map((fault) => [fault, weight(fault)])) as Record<Fault, number>
  return {
    seed,
    faults,
    followers: dice.between(1, 3),
    ship: dice.chance(0.5) ? 'synced' : 'immediate',
    chaosMs: 6_000,
    healMs: 60_000,
    commitEveryMs: dice.between(5, 60),
    faultEveryMs: dice.between(60, 600),
    delayMs: dice.chance(0.5) ? [0, 2] : [dice.between(1, 20), dice.between(20, 80)],
    unruly: dice.chance(0.3),
    keep: dice.chance(0.6) ? dice.between(0, 10) : dice.between(20, 500),
    windowBytes: dice.between(200, 4_000),
    entriesBytes: dice.between(100, 1_500),
    partBytes: dice.between(60, 800),
    onDiverged: dice.chance(0.8) ? 'snapshot' : 'stop',
  }
}

/** Time limits that fit a run of seconds; the same proportions as in life. */
export const SIMULATED_LIMITS = {
  silenceMs: 1_500,
  answerMs: 1_500,
  handshakeMs: 800,
  heartbeatMs: 250,
  snapshotGraceMs: 2_000,
  snapshotIdleMs: 3_000,
  resyncMs: 1_000,
} as const
