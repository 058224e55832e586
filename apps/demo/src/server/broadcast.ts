import type { Note } from '../wire.ts'
import type { Stage } from '../stage/stage.ts'

const TICK_MS = 250
/** How many notes go with a state; under load there are more messages than anybody can read. */
const NOTES_MAX = 60

interface Client {
  take(event: string): void
  end(): void
}

/** Reads the stage now and then while somebody looks, and tells all who look. */
export class Broadcast {
  readonly #stage: Stage
  readonly #clients = new Set<Client>()
  readonly #stopNotes: () => void
  #notes: Note[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(stage: Stage) {
    this.#stage = stage
    this.#stopNotes = stage.onNote((note) => this.#notes.push(note))
    this.#turn()
  }

  get clients(): number {
    return this.#clients.size
  }

  /** @returns to be called when the client is gone */
  join(take: (event: string) => void, end: () => void): () => void {
    const client = { take, end }
    this.#clients.add(client)
    return () => void this.#clients.delete(client)
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#stopNotes()
    for (const { end } of this.#clients) end()
  }

  #turn(): void {
    const again = (): void => void (this.#timer = setTimeout(() => this.#turn(), TICK_MS))
    if (this.#clients.size === 0) {
      this.#notes = []
      return again()
    }
    void this.#stage.refresh().then(() => {
      const { comparing, ...state } = this.#stage.state
      const notes = this.#notes.slice(-NOTES_MAX)
      this.#notes = []
      const event = JSON.stringify({ state: { ...state, comparing }, notes })
      for (const { take } of this.#clients) take(event)
      again()
    })
  }
}
