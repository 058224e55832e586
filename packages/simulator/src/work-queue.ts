import type { Agenda } from './agenda.ts'
import type { Dice } from './dice.ts'

/** What a node's host has to do, one thing after another; each takes a while. */
export class WorkQueue {
  readonly #agenda: Agenda
  readonly #dice: Dice
  #busyUntil = 0
  #generation = 0
  #pausedUntil = 0
  #waiting = 0

  constructor(agenda: Agenda, dice: Dice) {
    this.#agenda = agenda
    this.#dice = dice
  }

  /** Jobs not done yet. */
  get waiting(): number {
    return this.#waiting
  }

  add(mostMs: number, job: () => void): void {
    const at = Math.max(this.#agenda.now, this.#busyUntil, this.#pausedUntil) + this.#dice.between(0, mostMs)
    this.#busyUntil = at
    const generation = this.#generation
    this.#waiting++
    this.#agenda.after(at - this.#agenda.now, () => {
      if (generation !== this.#generation) return
      this.#waiting--
      job()
    })
  }

  /** Everything not begun yet is never done. */
  clear(): void {
    this.#generation++
    this.#busyUntil = 0
    this.#waiting = 0
  }

  /** What is added from now on waits. */
  pause(forMs: number): void {
    this.#pausedUntil = this.#agenda.now + forMs
  }
}
