import { StemmaError } from '@stemma/base'
import type { ListenLimits } from './limits.ts'

/** A connection that was let in. */
export interface Guest {
  /**
   * It is authenticated, and so no longer pending.
   *
   * @throws StemmaError TOO_MANY_CONNECTIONS when there are as many links as there may be
   */
  accepted(): void
  /** It is gone. */
  left(): void
}

/** Counts connections, in total and by address, so that strangers can't keep out those who know the token. */
export class Admission {
  readonly #limits: ListenLimits
  readonly #shares = new Map<string, { all: number; pending: number }>()
  /** How to drop each pending connection, the oldest first. */
  readonly #pending = new Map<Guest, () => void>()
  #links = 0

  constructor(limits: ListenLimits) {
    this.#limits = limits
  }

  /**
   * Lets a connection in. Where too many in total are pending, the oldest of them is dropped: real greetings take milliseconds.
   *
   * @param share - whom it counts against
   * @param drop - ends it
   * @throws StemmaError TOO_MANY_CONNECTIONS
   */
  enter(share: string, drop: () => void): Guest {
    const limits = this.#limits
    const counts = this.#shares.get(share) ?? { all: 0, pending: 0 }
    if (this.#links >= limits.connectionsMax) throw tooMany(`${this.#links} links`, 'connectionsMax')
    if (counts.all >= limits.connectionsPerAddress)
      throw tooMany(`${counts.all} connections from ${share}`, 'connectionsPerAddress')
    if (counts.pending >= limits.pendingPerAddress) {
      throw tooMany(`${counts.pending} unauthenticated connections from ${share}`, 'pendingPerAddress')
    }
    if (this.#pending.size >= limits.pendingMax) this.#dropOldest()

    this.#shares.set(share, counts)
    counts.all++
    counts.pending++
    let state: 'pending' | 'link' | 'left' = 'pending'
    const guest: Guest = {
      accepted: () => {
        if (state !== 'pending') return
        if (this.#links >= limits.connectionsMax) throw tooMany(`${this.#links} links`, 'connectionsMax')
        state = 'link'
        counts.pending--
        this.#pending.delete(guest)
        this.#links++
      },
      left: () => {
        if (state === 'left') return
        if (state === 'link') this.#links--
        else counts.pending--
        state = 'left'
        this.#pending.delete(guest)
        counts.all--
        if (counts.all === 0) this.#shares.delete(share)
      },
    }
    this.#pending.set(guest, drop)
    return guest
  }

  #dropOldest(): void {
    const oldest = this.#pending.entries().next().value
    if (oldest === undefined) return
    // At once, not when its socket has closed: a burst may not let in more than there is room for.
    oldest[0].left()
    oldest[1]()
  }
}

function tooMany(found: string, limit: string): StemmaError {
  return new StemmaError('TOO_MANY_CONNECTIONS', `there are ${found} already (${limit})`, { limit })
}
