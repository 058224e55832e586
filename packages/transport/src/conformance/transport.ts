import type { LinkLimits } from '../limits.ts'
import type { OnLink } from '../link.ts'
import type { Token } from '../token.ts'

/** A way to carry links, as the kit takes it: it opens links between two ends in this process. */
export interface Transport {
  readonly name: string
  /** False for one whose ends are never strangers to each other, such as one within a process: it takes no tokens. */
  readonly takesTokens: boolean
  /**
   * Opens one link. Resolves when both ends have it.
   *
   * @throws StemmaError what the end that connects, which is the left one, is told
   */
  open(options: OpenOptions): Promise<Connection>
}

/** What a link is opened with. */
export interface OpenOptions {
  readonly limits: Pick<LinkLimits, 'messageBytesMax' | 'highWaterBytes' | 'sendBytesMax'>
  readonly onLeft: OnLink
  readonly onRight: OnLink
  /** What the end that connects knows. */
  readonly leftToken?: Token | undefined
  /** What the end that listens knows. */
  readonly rightToken?: Token | undefined
}

/** What carries a link. */
export interface Connection {
  /** Breaks it under the link, so that what is on its way is lost, and neither end has a say. */
  cut(): void
  /** Closes what is left, links and listeners too. */
  close(): Promise<void>
}
