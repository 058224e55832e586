import { StemmaError } from './error.ts'

/**
 * A place in a database's history.
 *
 * Two nodes that hold the same position hold the same history up to it.
 */
export interface Position {
  /** How many changes of leader came before. Counts from 1 and never goes back. */
  readonly epoch: number
  /** The commit's number. Commits count from 1 without gaps within one history; 0 is before the first. */
  readonly sequence: number
}

/** The place before the first commit of the first leader. */
export const ORIGIN: Position = { epoch: 1, sequence: 0 }

/** Less than 0 when `a` comes before `b`, more than 0 when it comes after, 0 when they are the same. */
export function comparePositions(a: Position, b: Position): number {
  return a.epoch - b.epoch || a.sequence - b.sequence
}

/** Writes a position as people read it: `1:42`. */
export function showPosition(position: Position): string {
  return `${position.epoch}:${position.sequence}`
}

/**
 * Reads what `showPosition` wrote.
 *
 * @throws StemmaError BAD_ARGUMENT when the text is no position
 */
export function parsePosition(text: string): Position {
  const match = /^(\d{1,10}):(\d{1,16})$/.exec(text)
  const epoch = Number(match?.[1])
  const sequence = Number(match?.[2])
  if (match === null || epoch < 1 || !Number.isSafeInteger(sequence)) {
    throw new StemmaError('BAD_ARGUMENT', `${JSON.stringify(text)} is no position; write it as epoch:sequence, such as 1:42`, {
      text,
    })
  }
  return { epoch, sequence }
}
