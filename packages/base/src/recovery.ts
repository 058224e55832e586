/** What the caller can do about a failure. */
export type Recovery =
  | 'retry' // the same call may work later
  | 'resync' // start again from a snapshot
  | 'fix-input' // the caller passed something wrong
  | 'stop' // state can't be trusted; a person must look

/** What is known of a code, whatever the failure was about. */
export interface ErrorEntry {
  readonly recovery: Recovery
  /** What to do next, for someone who has never read this code. */
  readonly hint: string
}
