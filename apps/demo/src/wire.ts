/** What the stage tells of itself, and the page shows: plain values that JSON can hold. */
export interface StageState {
  /** Milliseconds since the stage was opened. */
  readonly at: number
  /** Where the leader's database lies; a copy of the user's own, or a shop of the demo's. */
  readonly database: string
  readonly isOwn: boolean
  readonly sqlite: string
  /** The leader of most followers. */
  readonly leader: LeaderState
  /** All of them: what becomes of statements is a leader's policy, so there is one for each policy, and the same program writes to all. */
  readonly leaders: readonly LeaderState[]
  readonly followers: readonly FollowerState[]
  readonly load: LoadState
  /** Formats that another follower can be added for. */
  readonly kinds: readonly Kind[]
  readonly workloads: readonly WorkloadChoice[]
  /** Set while a comparison has the stage for itself. */
  readonly comparing: ComparisonProgress | undefined
  /** How many comparisons are over; they are had by their numbers, from 1. */
  readonly comparisons: number
}

export interface LeaderState {
  readonly id: string
  /** What it does with statements that may do something else elsewhere. */
  readonly policy: Policy
  readonly state: 'up' | 'starting'
  readonly pid: number
  readonly url: string
  readonly position: number
  readonly digest: string
  readonly walBytes: number
  readonly logBytes: number
  /** What it did for each format since it was started. */
  readonly work: readonly Work[]
}

export type Policy = 'mixed' | 'record' | 'raw'

/** Counters that only grow while a process lives. */
export interface Work {
  readonly format: string
  readonly entries: number
  readonly bytes: number
  readonly tookMs: number
  /** Of statements: entries that hold rows all the same. */
  readonly asRows?: number | undefined
}

/** A way of following. */
export interface Kind {
  /** Such as `row`; what `--format` takes. */
  readonly id: string
  readonly label: string
  /** As Stemma is asked for it: a name, or the path of a module. */
  readonly format: string
  /** Whom it follows. */
  readonly leader: string
  /** What the copy is to be at each commit: the leader's bytes, or its rows, or whatever comes of it. */
  readonly promise: 'bytes' | 'rows' | 'nothing'
  /** One sentence for people who meet it for the first time. */
  readonly what: string
}

export interface FollowerState {
  readonly id: string
  readonly kind: Kind
  readonly pid: number | undefined
  readonly state: 'starting' | 'snapshot' | 'following' | 'offline' | 'dead' | 'failed'
  readonly link: LinkState
  readonly position: number
  readonly lagCommits: number
  /** From the commit until the entry applied last could be read here. */
  readonly delayMs: number | undefined
  readonly work: Work
  /** What came of the last comparison with the leader. */
  readonly verdict: Verdict | undefined
  /** Why it failed, for people. */
  readonly trouble: string | undefined
}

/** What the demo does to the link between a follower and its leader. */
export type LinkMode =
  | { readonly kind: 'open' }
  | { readonly kind: 'cut' }
  | { readonly kind: 'held' }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  | { readonly kind: 'delayed'; readonly delayMs: number }

export interface LinkState {
  readonly mode: LinkMode
  /** Bytes from the leader to the follower, and back, since the follower was added. */
  readonly received: number
  readonly sent: number
}

export interface Verdict {
  readonly equal: boolean
  readonly position: number
  readonly what: string
}

export interface LoadState {
  readonly workload: string
  /** Transactions a second; 0 while nothing is written. */
  readonly rate: number
}

export interface WorkloadChoice {
  readonly id: string
  readonly label: string
  readonly what: string
  /** How many transactions a comparison runs. */
  readonly transactions: number
}

/** Something that happened, for the trace. */
export interface Note {
  /** Milliseconds since the stage was opened. */
  readonly at: number
  /** The follower that it is about, or `leader`. */
  readonly node: string
  readonly kind: 'event' | 'sent' | 'received' | 'deed' | 'trouble'
  readonly text: string
  /** Of a message: what it takes on the link. */
  readonly bytes?: number
}

export interface ComparisonProgress {
  readonly workload: string
  readonly phase: ComparisonPhase
  readonly samples: readonly Sample[]
}

export type ComparisonPhase = 'getting ready' | 'writing' | 'paused' | 'catching up' | 'comparing rows'

/** One reading of all followers while a comparison runs. */
export interface Sample {
  /** Milliseconds since the first transaction. */
  readonly at: number
  /** Commits of the leader since then. */
  readonly commits: number
  readonly followers: Readonly<Record<string, SampleOf>>
}

export interface SampleOf {
  /** Bytes of entries since the first transaction. */
  readonly bytes: number
  readonly lagCommits: number
  readonly delayMs: number | undefined
}

export interface Comparison {
  readonly id: number
  readonly workload: WorkloadChoice
  /** The user's own SQL, if that is what ran. */
  readonly sql: string | undefined
  readonly transactions: number
  readonly commits: number
  /** How long the leader's transactions took, all together, in milliseconds. */
  readonly tookMs: number
  readonly rows: readonly ComparisonRow[]
  readonly samples: readonly Sample[]
}

/** What a workload was in one format. Undefined is what could not be measured. */
export interface ComparisonRow {
  readonly follower: string
  readonly kind: Kind
  readonly entries: number
  readonly bytes: number
  readonly bytesPerCommit: number
  /** Of statements: entries that held rows all the same. */
  readonly asRows: number | undefined
  /** Microseconds an entry. */
  readonly encodeUs: number
  readonly applyUs: number
  /** Milliseconds from commit to readable: the median of the samples, and the longest. */
  readonly delayMs: number | undefined
  readonly delayMaxMs: number | undefined
  /** After the pause: how many commits waited, and for how long it took to have them. */
  readonly waited: number
  readonly catchUpMs: number | undefined
  readonly verdict: Verdict
}

/** What came of SQL that a person typed. */
export interface SqlResult {
  readonly columns: readonly string[]
  /** The first rows, each value as text; null is NULL. */
  readonly rows: readonly (readonly (string | null)[])[]
  readonly changes: number
  readonly tookMs: number
}

/** An entry as it is shown: what it says, and its first bytes. */
export interface ShownEntry {
  readonly position: number
  readonly committedAt: number
  readonly summary: string
  readonly details: readonly string[]
  /** Bytes of the whole entry; `hex` has the first of them, `payloadAt` is where the format's own part begins. */
  readonly byteLength: number
  readonly payloadAt: number
  readonly hex: string
}

/** One way in which a statement does something else when it is run again, as it is told to people. */
export interface SceneChoice {
  /** Its place in the catalogue, from 0. */
  readonly id: number
  /** The row of the catalogue; two scenes of one number are two faces of it. */
  readonly number: number
  readonly what: string
  readonly setup: string
  readonly session: string
  readonly statements: readonly string[]
  /** By what a copy differs: its clock, its dice, its connection, … */
  readonly differs: string
  readonly safety: string
  readonly code: string
  readonly why: string
  readonly instead: string
  /** What the catalogue says becomes of a copy, for people. */
  readonly promised: Readonly<Record<Policy, string>>
  /** Undefined when one machine with one SQLite can show it between copies that Stemma makes; else why not. */
  readonly hidden: string | undefined
}

/** How the copy's world is to be another than the leader's. */
export interface SceneWorld {
  /** By so much later the copy runs what the leader ran: what clocks that differ come to. */
  readonly lateMs: number
  /** The copy's, as IANA names it; the leader's is UTC. */
  readonly timeZone: string
}

export interface SceneOutcome {
  readonly id: number
  readonly policies: readonly PolicyOutcome[]
}

/** What became of a scene under one policy. */
export interface PolicyOutcome {
  readonly policy: Policy
  /** `stopped`: the copy found out that a statement came to something else, or could not run it, and went no further. */
  readonly end: 'equal' | 'differs' | 'stopped'
  readonly what: string
  /** It came out as the catalogue says; undefined when this can't be seen here. */
  readonly asPromised: boolean | undefined
  /** How the leader's commits travelled, for people. */
  readonly entries: readonly string[]
  readonly tables: readonly SceneTable[]
}

/** A table's rows on both sides, side by side; a row that one side lacks is undefined there. */
export interface SceneTable {
  readonly name: string
  readonly columns: readonly string[]
  readonly rows: readonly { readonly leader: SceneCells | undefined; readonly copy: SceneCells | undefined }[]
}

export type SceneCells = readonly (string | null)[]
