import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type {
  Comparison,
  ComparisonProgress,
  Kind,
  LinkMode,
  LoadState,
  Note,
  ShownEntry,
  SqlResult,
  StageState,
  Verdict,
} from '../wire.ts'
import { FollowerNode } from './follower-node.ts'
import { KINDS } from './kinds.ts'
import { LeaderNode } from './leader-node.ts'
import { makeDatabase } from './make-database.ts'
import { workloadsFor } from './workloads.ts'

export interface StageOptions {
  /** A copy of this database is used instead of the demo's shop. */
  readonly database?: string | undefined
  onNote?(note: Note): void
}

/** How many followers there may be, so that a laptop stays one. */
export const FOLLOWERS_MAX = 12
/** SQL that a person typed gets so long; then its process is killed and comes back, in milliseconds. */
const SQL_MS = 5_000
/** How many messages, and how many of all else, are remembered. */
const NOTES_MAX = 200

/** A leader and followers in processes of their own, real files and real TCP between them, and what can be done to them. */
export class Stage {
  readonly folder: string
  readonly isOwn: boolean
  readonly #openedAt = performance.now()
  readonly #followers = new Map<string, FollowerNode>()
  readonly #notes: Note[] = []
  readonly #messages: Note[] = []
  readonly #listeners = new Set<(note: Note) => void>()
  #leader!: LeaderNode
  #load: LoadState = { workload: '', rate: 0 }
  #sql = ''
  comparing: ComparisonProgress | undefined
  readonly comparisons: Comparison[] = []
  #closing: Promise<void> | undefined

  private constructor(folder: string, options: StageOptions) {
    this.folder = folder
    this.isOwn = options.database !== undefined
    if (options.onNote !== undefined) this.#listeners.add(options.onNote)
  }

  /** Makes the database in a folder of its own, starts the leader and a follower of each kind, and waits until they have copies. */
  static async open(options: StageOptions = {}): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'stemma-demo-'))
    // Whatever ends this process, the folder goes.
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    const stage = new Stage(folder, options)
    try {
      await makeDatabase(stage.database, options.database)
      stage.#leader = await LeaderNode.open({
        database: stage.database,
        formats: [...new Set(KINDS.map(({ format }) => format))],
        note: (note) => stage.#note('leader', note),
        onLoadFailed: (message) => stage.#loadFailed(message),
      })
      await Promise.all(KINDS.map((kind) => stage.add(kind.id)))
      await Promise.all(stage.followers.map((follower) => follower.child.call('opened', undefined)))
      return stage
    } catch (error) {
      await stage.close()
      throw error
    }
  }

  /** Where the leader's database lies. */
  get database(): string {
    return join(this.folder, 'leader.db')
  }

  get leader(): LeaderNode {
    return this.#leader
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
    await Promise.all([this.#leader.refresh(), ...this.followers.map((follower) => follower.refresh())])
  }

  get state(): StageState {
    return {
      at: this.at,
      database: this.database,
      isOwn: this.isOwn,
      sqlite: this.#leader.status?.sqlite ?? '',
      leader: this.#leader.state,
      followers: this.followers.map((follower) => follower.state(this.#leader.position)),
      load: this.#load,
      kinds: KINDS,
      workloads: workloadsFor(this.isOwn),
      comparing: this.comparing,
      comparisons: this.comparisons.length,
    }
  }

  /** Writes at a steady rate from now on; 0 stops. */
  async setLoad({ workload, rate, sql = '' }: LoadState & { readonly sql?: string }): Promise<void> {
    if (rate === 0) await this.#leader.child.call('stopLoad', undefined)
    else await this.#leader.child.call('startLoad', { workload, rate, sql })
    this.#load = { workload, rate }
    this.#sql = sql
  }

  /** Adds a follower of a kind, with a copy of its own. */
  async add(kindId: string): Promise<FollowerNode> {
    const kind: Kind | undefined = KINDS.find(({ id }) => id === kindId)
    if (kind === undefined) throw new Error(`there is no format ${kindId}`)
    if (this.#followers.size >= FOLLOWERS_MAX) throw new Error(`${FOLLOWERS_MAX} followers are enough for one machine`)
    let number = 1
    const idOf = (): string => (number === 1 ? kindId : `${kindId}-${number}`)
    while (this.#followers.has(idOf())) number++
    const id = idOf()
    const parts = { id, kind, folder: this.folder, leaderUrl: () => this.#leader.url }
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

  /** Kills the leader's process; another takes its place, and the load goes on. */
  async restartLeader(why = 'kill -9'): Promise<void> {
    this.#note('leader', { kind: 'deed', text: why })
    await this.#leader.restart()
    this.#note('leader', { kind: 'deed', text: 'started again' })
    if (this.#load.rate > 0) await this.setLoad({ ...this.#load, sql: this.#sql })
  }

  /** Runs SQL that a person typed, on the leader or a follower. */
  async sql(node: string, text: string): Promise<SqlResult> {
    const isLeader = node === 'leader'
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      late.reject(new Error(`it took longer than ${SQL_MS / 1000} s, so its process was killed and started again`))
      const again = isLeader ? this.restartLeader('SQL took too long') : this.kill(node).then(() => this.start(node))
      again.catch((error: unknown) => this.#note(node, { kind: 'trouble', text: String(error) }))
    }, SQL_MS)
    try {
      const running = isLeader ? this.#leader.child.call('sql', text) : this.follower(node).child.call('sql', text)
      return await Promise.race([running, late.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  /** The newest entries of one format. */
  log(format: string, limit: number): Promise<ShownEntry[]> {
    return this.#leader.child.call('log', { format, limit })
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
    await (this.#leader as LeaderNode | undefined)?.close()
    rmSync(this.folder, { recursive: true, force: true })
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

const DEEDS: Readonly<Record<LinkMode['kind'], string>> = {
  open: 'its link is whole again',
  cut: 'cut off',
  held: 'its link holds everything back',
  slow: 'its link is slow now',
  delayed: 'its link delays everything now',
}
