import { comparePositions, showPosition, type Position } from '@stemma/base'
import type { FollowerEffect, HeldCopy, LeaderMessage } from '@stemma/protocol'
import { decodeCommits, digestOf, type ModelCommit, type Pages } from './model.ts'

/** A promise was broken. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise'
}

/** What one copy looked like to the checks when they last saw it. */
export interface SeenCopy {
  readonly held: HeldCopy
  readonly pages: Pages
}

/**
 * Judges a run, from what really happened: every commit that any leader ever made. It shares no code with the protocol.
 *
 * The promises are those of the reliability notes: I1 prefix, I2 the same pages at the same position, I3 no gap and no reorder,
 * I4 position and pages move together, I8 diverged copies are not gone on from, I16 nothing from another cluster; and that an
 * ack is true, nothing unsynced is shipped by a leader that promised so, and a decent network never looks like a broken peer.
 */
export class Checks {
  /** Every state of every history: cluster, sequence and digest name it. */
  readonly #states = new Map<string, { readonly pages: Pages; readonly previous: string | undefined }>()

  /** A history begins. */
  addOrigin(cluster: string, pages: Pages): void {
    this.#states.set(keyOf(cluster, 0, digestOf(pages)), { pages, previous: undefined })
  }

  addCommit(cluster: string, commit: ModelCommit, pages: Pages): void {
    const previous = keyOf(cluster, commit.position.sequence - 1, commit.digestBefore)
    this.#states.set(keyOf(cluster, commit.position.sequence, commit.digest), { pages, previous })
  }

  /** I1, I2, I4: a copy that can be read is what a leader had at just that position. */
  copy(node: string, { held, pages }: SeenCopy): void {
    const state = this.#states.get(keyOf(held.cluster, held.position.sequence, held.digest))
    const where = `${node} at ${showPosition(held.position)}`
    if (state === undefined) throw new BrokenPromise(`I1: ${where} holds what no leader ever had`)
    if (state.pages.length !== pages.length || state.pages.some((value, i) => value !== pages[i])) {
      throw new BrokenPromise(`I2: ${where} has other pages than its leader had there`)
    }
    if (digestOf(pages) !== held.digest) throw new BrokenPromise(`I4: ${where} has the digest of another state`)
  }

  /** I3: what is handed over to be applied goes on from what was handed over before. Gives the new end. */
  apply(node: string, end: Position | undefined, effect: Extract<FollowerEffect, { readonly kind: 'apply' }>): void {
    const commits = decodeCommits(effect.bytes)
    if (commits === undefined) throw new BrokenPromise(`I3: ${node} was handed bytes that are no entries`)
    const sequences = commits.map(({ position }) => position.sequence)
    if (
      sequences[0] !== effect.first ||
      sequences.at(-1) !== effect.last ||
      sequences.some((sequence, i) => sequence !== effect.first + i)
    ) {
      throw new BrokenPromise(`I3: ${node} was handed ${sequences.join(' ')} as ${effect.first} to ${effect.last}`)
    }
    const reached = end?.sequence ?? 0
    if (effect.first > reached + 1) throw new BrokenPromise(`I3: ${node} was handed ${effect.first} after ${reached}`)
    if (effect.last <= reached) throw new BrokenPromise(`I3: ${node} was handed ${effect.last} again, it had ${reached}`)
  }

  /** I8, and shipping: what a leader sends is in its history, and synced if it said so. */
  shipped(message: LeaderMessage, commits: readonly ModelCommit[], syncedTo: number): void {
    if (message.kind === 'entries' && message.last > syncedTo) {
      throw new BrokenPromise(`entries to ${message.last} were shipped, synced was ${syncedTo}`)
    }
    if (message.kind === 'entry-part' && message.sequence > syncedTo) {
      throw new BrokenPromise(`entry ${message.sequence} was shipped, synced was ${syncedTo}`)
    }
    if (message.kind === 'snapshot' && message.position.sequence > syncedTo) {
      throw new BrokenPromise(`a snapshot at ${message.position.sequence} was shipped, synced was ${syncedTo}`)
    }
    if (message.kind === 'entries' && commits[message.last - 1] === undefined)
      throw new BrokenPromise(`I8: ${message.last} is not in the history`)
  }

  /** I8: leave to go on is given only to a position of the leader's own history. */
  goOn(node: string, asked: { readonly position: Position; readonly digest: bigint }, states: readonly Pages[]): void {
    const pages = states[asked.position.sequence]
    if (pages === undefined || digestOf(pages) !== asked.digest)
      throw new BrokenPromise(`I8: ${node} may go on from ${showPosition(asked.position)}, which is not in the leader's history`)
  }

  /** An ack says what is so. */
  ack(
    node: string,
    ack: { readonly durable: Position; readonly applied: Position },
    durable: Position | undefined,
    applied: Position,
  ): void {
    if (comparePositions(ack.applied, applied) > 0) {
      throw new BrokenPromise(`ack: ${node} says that ${showPosition(ack.applied)} is applied, it is at ${showPosition(applied)}`)
    }
    if (ack.durable.sequence > 0 && (durable === undefined || comparePositions(ack.durable, durable) > 0)) {
      const truth = durable === undefined ? 'nothing' : showPosition(durable)
      throw new BrokenPromise(`ack: ${node} says that ${showPosition(ack.durable)} is durable, ${truth} is`)
    }
  }
}

function keyOf(cluster: string, sequence: number, digest: bigint): string {
  return `${cluster} ${sequence} ${digest}`
}
