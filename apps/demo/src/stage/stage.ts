import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type {
  Comparison,
  ComparisonProgress,
  Kind,
  LinkMode,
  LoadState,
  Note,
  Policy,
  ShownEntry,
  SqlResult,
  StageState,
  Verdict,
} from '../wire.ts'
import { FollowerNode } from './follower-node.ts'
import { KINDS, POLICIES, namedKinds } from './kinds.ts'
import { LeaderNode } from './leader-node.ts'
import { makeDatabase } from './make-database.ts'
import { workloadsFor } from './workloads.ts'

export interface StageOptions {
  /** A copy of this database is used instead of the demo's shop. */
  readonly database?: string | undefined
  /** Formats besides Stemma's own: names or modules. */
  readonly formats?: readonly string[] | undefined
  /** Which of Stemma's own ways of following are there; all by default. */
  readonly only?: readonly string[] | undefined
  onNote?(note: Note): void
}

/** How many followers there may be, so that a laptop stays one. */
export const FOLLOWERS_MAX = 12
/** SQL that a person typed gets so long; then its process is killed and comes back, in milliseconds. */
const SQL_MS = 5_000
/** How many messages, and how many of all else, are remembered. */
const NOTES_MAX = 200
const SETTLE_MS = 180_000

/** A leader and followers in processes of their own, real files and real TCP between them, and what can be done to them. */
export class Stage {
  readonly folder: string
  readonly isOwn: boolean
  readonly #openedAt = performance.now()
  readonly #followers = new Map<string, FollowerNode>()
  readonly #notes: Note[] = []
  readonly #messages: Note[] = []
  readonly #listeners = new Set<(note: Note) => void>()
  readonly #leaders = new Map<string, LeaderNode>()
  readonly #kinds: readonly Kind[]
  #load: LoadState = { workload: '', rate: 0 }
  #sql = ''
  #seed = 0
  comparing: ComparisonProgress | undefined
  readonly comparisons: Comparison[] = []
  #closing: Promise<void> | undefined

  private constructor(folder: string, options: StageOptions) {
    this.folder = folder
    this.isOwn = options.database !== undefined
    const { only, formats = [] } = options
    this.#kinds = [...KINDS.filter(({ id }) => only?.includes(id) ?? true), ...namedKinds(formats)]
    if (options.onNote !== undefined) this.#listeners.add(options.onNote)
  }

  /** Makes the database in a folder of its own, and starts the leaders and a follower of each kind, which then take their copies. */
  static async open(options: StageOptions = {}): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'stemma-demo-'))
    // Whatever ends this process, the folder goes.
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    const stage = new Stage(folder, options)
    try {
      await makeDatabase(stage.database, options.database)
      const policies = POLICIES.filter((policy) => policy === 'mixed' || stage.#kinds.some(({ leader }) => leader === policy))
      for (const policy of policies.slice(1)) copyFileSync(stage.database, stage.#databaseOf(policy))
      await Promise.all(policies.map((policy) => stage.#lead(policy)))
      await Promise.all(stage.#kinds.map((kind) => stage.add(kind.id)))
      return stage
    } catch (error) {
      await stage.close()
      throw error
    }
  }

  /** Resolves when every follower has a copy. */
  async whenCopied(): Promise<void> {
    await Promise.all(this.followers.map(({ child }) => child.call('opened', undefined)))
  }

  /** Where the leader's database lies. */
  get database(): string {
    return join(this.folder, 'leader.db')
  }

  /** The leader of most followers. */
  get leader(): LeaderNode {
    return this.leaderCalled('mixed')
  }

  get leaders(): LeaderNode[] {
    return POLICIES.flatMap((policy) => this.#leaders.get(policy) ?? [])
  }

  /** @throws Error when there is no such leader */
  leaderCalled(id: string): LeaderNode {
    const leader = this.#leaders.get(id)
    if (leader === undefined) throw new Error(`there is no leader ${id}`)
    return leader
  }

  get followers(): FollowerNode[] {
    return [...this.#followers.values()]
  }

  /** The newest things that happened, oldest first. */
  get notes(): readonly Note[] {
    return [...this.#notes, ...this.#messages].toSorted((a, b) => a.at - b.at)
  }

  get at(): number {
    return Math.round(performance.now() - this.#openedAt)
  }

  /** Calls back on each note, until the function that is returned is called. */
  onNote(listener: (note: Note) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** @throws Error when there is no such follower */
  follower(id: string): FollowerNode {
    const follower = this.#followers.get(id)
    if (follower === undefined) throw new Error(`there is no follower ${id}`)
    return follower
  }

  /** Asks everybody how they are. */
  async refresh(): Promise<void> {
    await Promise.all([
      ...this.leaders.map((leader) => leader.refresh()),
      ...this.followers.map((follower) => follower.refresh()),
    ])
  }

  get state(): StageState {
    return {
      at: this.at,
      database: this.database,
      isOwn: this.isOwn,
      sqlite: this.leader.status?.sqlite ?? '',
      leader: this.leader.state,
      leaders: this.leaders.map((leader) => leader.state),
      followers: this.followers.map((follower) => follower.state(this.leaderCalled(follower.kind.leader).position)),
      load: this.#load,
      kinds: this.#kinds,
      workloads: workloadsFor(this.isOwn),
      comparing: this.comparing,
      comparisons: this.comparisons.length,
    }
  }

  /** Writes at a steady rate from now on; 0 stops. */
  async setLoad({ workload, rate, sql = '' }: LoadState & { readonly sql?: string }): Promise<void> {
    const seed = this.newSeed()
    await this.eachLeader<unknown>(({ child }) =>
      rate === 0 ? child.call('stopLoad', undefined) : child.call('startLoad', { workload, rate, sql, seed }),
    )
    this.#load = { workload, rate }
    this.#sql = sql
  }

  /** Adds a follower of a kind, with a copy of its own. */
  async add(kindId: string): Promise<FollowerNode> {
    const kind = this.#kinds.find(({ id }) => id === kindId)
    if (kind === undefined) throw new Error(`there is no format ${kindId}`)
    if (this.#followers.size >= FOLLOWERS_MAX) throw new Error(`${FOLLOWERS_MAX} followers are enough for one machine`)
    let number = 1
    const idOf = (): string => (number === 1 ? kindId : `${kindId}-${number}`)
    while (this.#followers.has(idOf())) number++
    const id = idOf()
    const parts = { id, kind, folder: this.folder, leaderUrl: () => this.leaderCalled(kind.leader).url }
    const follower = await FollowerNode.open({ ...parts, note: (note) => this.#note(id, note) })
    this.#followers.set(id, follower)
    return follower
  }

  async remove(id: string): Promise<void> {
    const follower = this.follower(id)
    this.#followers.delete(id)
    await follower.close()
    for (const end of ['', '-wal', '-shm', '-stemma', '-stemma-lock']) {
      rmSync(join(this.folder, `${id}.db${end}`), { force: true })
    }
    this.#note(id, { kind: 'deed', text: 'removed, with its copy' })
  }

  setLink(id: string, mode: LinkMode): void {
    this.follower(id).setLink(mode)
    this.#note(id, { kind: 'deed', text: DEEDS[mode.kind] })
  }

  async kill(id: string): Promise<void> {
    this.#note(id, { kind: 'deed', text: 'kill -9' })
    await this.follower(id).kill()
  }

  start(id: string): void {
    this.#note(id, { kind: 'deed', text: 'started' })
    this.follower(id).start()
  }

  /** Takes over what differs from the leader, for a follower that has left its history. */
  async resync(id: string): Promise<void> {
    this.#note(id, { kind: 'deed', text: 'takes over what differs' })
    await this.follower(id).resync()
  }

  /** Kills a leader's process; another takes its place, and the load goes on. */
  async restartLeader(id: string, why = 'kill -9'): Promise<void> {
    this.#note(nameOf(id), { kind: 'deed', text: why })
    const leader = this.leaderCalled(id)
    await leader.restart()
    this.#note(nameOf(id), { kind: 'deed', text: 'started again' })
    const { workload, rate } = this.#load
    if (rate > 0) await leader.child.call('startLoad', { workload, rate, sql: this.#sql, seed: this.newSeed() })
  }

  /** Another each time: who writes by equal seeds writes the same. */
  newSeed(): number {
    return ++this.#seed
  }

  /** Does something with all leaders at once. */
  eachLeader<T>(work: (leader: LeaderNode) => Promise<T>): Promise<T[]> {
    return Promise.all(this.leaders.map(work))
  }

  /** Resolves when every follower of some that can has everything that was committed before. */
  async settle(followers: readonly FollowerNode[] = this.followers): Promise<void> {
    await this.eachLeader(async ({ id, child }) => {
      for (;;) {
        const able = followers.filter(({ kind, isAlive, isFailed }) => kind.leader === id && isAlive && !isFailed)
        if (able.length === 0) return
        const settled = child.call('wait', { followers: able.length, timeoutMs: SETTLE_MS }).then(() => true)
        settled.catch(() => {})
        // One that stops for good is not waited for any longer.
        const gone = able.map((follower) => follower.whenGone().then(() => false))
        if (await Promise.race([settled, ...gone])) return
      }
    })
  }

  /** Runs SQL that a person typed: on a follower, or as the program that writes to every leader. */
  async sql(node: string, text: string): Promise<SqlResult> {
    if (node !== 'leader') return await this.#sqlOn(node, text)
    const [first] = await this.eachLeader(({ id }) => this.#sqlOn(nameOf(id), text))
    return first!
  }

  async #sqlOn(node: string, text: string): Promise<SqlResult> {
    const leader = this.leaders.find(({ id }) => nameOf(id) === node)
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      late.reject(new Error(`it took longer than ${SQL_MS / 1000} s, so its process was killed and started again`))
      const again =
        leader !== undefined ? this.restartLeader(leader.id, 'SQL took too long') : this.kill(node).then(() => this.start(node))
      again.catch((error: unknown) => this.#note(node, { kind: 'trouble', text: String(error) }))
    }, SQL_MS)
    try {
      const running = leader !== undefined ? leader.child.call('sql', text) : this.follower(node).child.call('sql', text)
      return await Promise.race([running, late.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  /** The newest entries of a kind. */
  log(kindId: string, limit: number): Promise<ShownEntry[]> {
    const kind = this.#kinds.find(({ id }) => id === kindId)
    if (kind === undefined) throw new Error(`there is no format ${kindId}`)
    return this.leaderCalled(kind.leader).child.call('log', { format: kind.format, limit })
  }

  /** Compares each copy with the leader's database. */
  async verify(id: string): Promise<Verdict> {
    const verdict = await this.follower(id).verify()
    this.#note(id, {
      kind: verdict.equal ? 'event' : 'trouble',
      text: `${verdict.equal ? 'equal' : 'different'}: ${verdict.what}`,
    })
    return verdict
  }

  /** Ends all processes and removes the folder. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    await Promise.all(this.followers.map((follower) => follower.close()))
    await this.eachLeader((leader) => leader.close())
    rmSync(this.folder, { recursive: true, force: true })
  }

  #databaseOf(policy: Policy): string {
    return policy === 'mixed' ? this.database : join(this.folder, `leader-${policy}.db`)
  }

  async #lead(policy: Policy): Promise<void> {
    const formats = this.#kinds.filter(({ leader }) => leader === policy).map(({ format }) => format)
    const leader = await LeaderNode.open({
      policy,
      database: this.#databaseOf(policy),
      // Copies by statements are compared row by row, for which a leader keeps its rows.
      formats: [...new Set([...formats, 'row'])],
      note: (note) => this.#note(nameOf(policy), note),
      onLoadFailed: (message) => this.#loadFailed(message),
    })
    this.#leaders.set(policy, leader)
  }

  #loadFailed(message: string): void {
    this.#load = { workload: this.#load.workload, rate: 0 }
    this.#note('leader', { kind: 'trouble', text: `the load has stopped: ${message}` })
  }

  #note(node: string, note: Omit<Note, 'at' | 'node'>): void {
    const full = { at: this.at, node, ...note }
    const notes = note.kind === 'sent' || note.kind === 'received' ? this.#messages : this.#notes
    notes.push(full)
    if (notes.length > NOTES_MAX) notes.shift()
    for (const listener of this.#listeners) listener(full)
  }
}

/** What a leader is called in the trace: most people look at one. */
function nameOf(leader: string): string {
  return leader === 'mixed' ? 'leader' : `leader-${leader}`
}

const DEEDS: Readonly<Record<LinkMode['kind'], string>> = {
  open: 'its link is whole again',
  cut: 'cut off',
  held: 'its link holds everything back',
  slow: 'its link is slow now',
  delayed: 'its link delays everything now',
}
