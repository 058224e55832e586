import type { Milliseconds } from '@stemma/base'

/**
 * Where writers of this process and the thread that follows the database meet: at the boundary between transactions.
 *
 * A writer passes in front of each write transaction and after it, for a few hundredths of a microsecond. The follower can ask
 * writers to wait there, with no lock held, for the moment in which the WAL is made ready to begin anew; and it can sleep until
 * the next write.
 *
 * It only ever makes things smoother. Nothing breaks when a writer doesn't pass it, or passes in spite of it.
 */
export class CommitGate {
  /** To be posted to another thread, which makes its own `CommitGate` of it. */
  readonly memory: SharedArrayBuffer
  readonly #cells: Int32Array
  /** The writer's side: `REFILLS` when it last waited in vain, how often it has done so since, and what it then allows itself. */
  #refillsBefore = 0
  #waitsInVain = 0
  #unchecked = UNCHECKED

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(CELL_COUNT * 4)) {
    this.memory = memory
    this.#cells = new Int32Array(memory)
  }

  /** The writer's side: call it before a write transaction begins. Waits while the gate is held, but never long. */
  enter(): void {
    let end: Milliseconds | undefined
    const entered = Atomics.add(this.#cells, ENTERED, 1)
    if (roomAfter(this.#cells, entered) <= 0) {
      // Who waits has not begun.
      Atomics.sub(this.#cells, ENTERED, 1)
      end = performance.now() + HOLD_MAX
      this.#waitForRoom(end)
      Atomics.add(this.#cells, ENTERED, 1)
    }
    Atomics.add(this.#cells, WRITERS, 1)
    if (Atomics.load(this.#cells, HELD) !== 0) this.#waitForRelease(end ?? performance.now() + HOLD_MAX)
  }

  /** The writer's side: call it when the transaction is over, whatever became of it. */
  leave(): void {
    const cells = this.#cells
    const writers = Atomics.sub(cells, WRITERS, 1) - 1
    if (writers === 0 && Atomics.load(cells, HELD) !== 0) Atomics.notify(cells, WRITERS)
    if (Atomics.load(cells, SLEEPING) === 0) return
    Atomics.store(cells, SLEEPING, 0)
    Atomics.add(cells, WAKES, 1)
    Atomics.notify(cells, WAKES)
  }

  /** The writer's side: changes each time that a follower comes or goes; odd while one is there. */
  get followers(): number {
    return Atomics.load(this.#cells, FOLLOWERS)
  }

  /** The follower's side: it has come. */
  attach(): void {
    this.allow(this.entered, ALLOWED_FIRST)
    if ((this.followers & 1) === 0) Atomics.add(this.#cells, FOLLOWERS, 1)
  }

  /** The follower's side: it goes, and holds nobody any more. */
  detach(): void {
    this.release()
    if ((this.followers & 1) === 1) Atomics.add(this.#cells, FOLLOWERS, 1)
    this.allowAll()
  }

  /**
   * The follower's side: asks writers to wait, and waits for those that are in a transaction.
   *
   * To be followed by `release`, soon: a writer waits for `HOLD_MAX` at most, then goes on all the same.
   *
   * @returns false when some writer did not come out of its transaction in time; the gate is then not held
   */
  async hold(timeout: Milliseconds): Promise<boolean> {
    const cells = this.#cells
    Atomics.store(cells, HELD, 1)
    const end = performance.now() + timeout
    for (;;) {
      const writers = Atomics.load(cells, WRITERS)
      if (writers <= 0) return true
      const left = end - performance.now()
      if (left <= 0) break
      const wait = Atomics.waitAsync(cells, WRITERS, writers, left)
      if (wait.async) await wait.value
    }
    this.release()
    return false
  }

  /** The follower's side: lets writers go on. */
  release(): void {
    Atomics.store(this.#cells, HELD, 0)
    Atomics.notify(this.#cells, HELD)
  }

  /** Transactions that have begun so far; it wraps round. */
  get entered(): number {
    return Atomics.load(this.#cells, ENTERED)
  }

  /**
   * The follower's side: says how many transactions may begin before the WAL is too large or the follower too far behind. Writers that
   * have used them up wait for more: for `HOLD_MAX` before each transaction, as long as this is called every now and then.
   *
   * @param since - `entered`, as it was before the follower looked at the WAL
   */
  allow(since: number, transactions: number): void {
    Atomics.store(this.#cells, ALLOWED, (since + Math.max(0, Math.min(ALLOWED_MAX, Math.floor(transactions)))) | 0)
    Atomics.add(this.#cells, REFILLS, 1)
    Atomics.notify(this.#cells, REFILLS)
  }

  /** The follower's side: nobody need wait for it, for a long time. */
  allowAll(): void {
    this.allow(this.entered, ALLOWED_MAX)
  }

  /**
   * The follower's side: says that it is about to sleep. Look at the WAL once more after this, then `sleep`.
   *
   * @returns what `sleep` wants to know
   */
  beforeSleep(): number {
    const wakes = Atomics.load(this.#cells, WAKES)
    Atomics.store(this.#cells, SLEEPING, 1)
    return wakes
  }

  /** The follower's side: calls back after the next `leave`, at once when there was one since `beforeSleep`. At most once. */
  sleep(wakes: number, wake: () => void): void {
    const wait = Atomics.waitAsync(this.#cells, WAKES, wakes)
    if (wait.async) void wait.value.then(wake)
    else wake()
  }

  /** The follower's side: ends a sleep that nobody needs any more. */
  wake(): void {
    Atomics.store(this.#cells, SLEEPING, 0)
    Atomics.add(this.#cells, WAKES, 1)
    Atomics.notify(this.#cells, WAKES)
  }

  #waitForRoom(end: Milliseconds): void {
    const cells = this.#cells
    while ((this.followers & 1) === 1) {
      const refills = Atomics.load(cells, REFILLS)
      if (roomAfter(cells, this.entered) > 0) {
        this.#unchecked = UNCHECKED
        return
      }
      const rest = end - performance.now()
      if (rest <= 0) return this.#goOnUnchecked(refills)
      Atomics.wait(cells, REFILLS, refills, rest)
    }
    this.allowAll()
  }

  /** One transaction goes on; when whoever should allow more seems to be dead, we wait for it less and less often. */
  #goOnUnchecked(refills: number): void {
    this.#waitsInVain = refills === this.#refillsBefore ? this.#waitsInVain + 1 : 0
    this.#refillsBefore = refills
    if (this.#waitsInVain < WAITS_IN_VAIN_MAX) return
    Atomics.store(this.#cells, ALLOWED, (this.entered + this.#unchecked) | 0)
    this.#unchecked = Math.min(ALLOWED_MAX, this.#unchecked * 2)
  }

  #waitForRelease(end: Milliseconds): void {
    const cells = this.#cells
    while (Atomics.load(cells, HELD) !== 0) {
      if (Atomics.sub(cells, WRITERS, 1) === 1) Atomics.notify(cells, WRITERS)
      const left = end - performance.now()
      if (left > 0) Atomics.wait(cells, HELD, 1, left)
      Atomics.add(cells, WRITERS, 1)
      if (performance.now() >= end) return
    }
  }
}

/** No writer waits longer than this at a held gate, in milliseconds. */
export const HOLD_MAX: Milliseconds = 40

const HELD = 0
const WRITERS = 1
const SLEEPING = 2
const WAKES = 3
const FOLLOWERS = 4
const ENTERED = 5
/** Transactions may begin until `ENTERED` is this. */
const ALLOWED = 6
const REFILLS = 7
const CELL_COUNT = 8

const ALLOWED_MAX = 2 ** 30
const ALLOWED_FIRST = 256
const UNCHECKED = 64
/** Two seconds. */
const WAITS_IN_VAIN_MAX = 50

/** Of the transactions that are allowed, those that are left when so many have begun. */
function roomAfter(cells: Int32Array, entered: number): number {
  return (Atomics.load(cells, ALLOWED) - entered) | 0
}
