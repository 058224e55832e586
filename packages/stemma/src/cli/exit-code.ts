/** What the command's exit code says. `docs/cli.md` and `stemma help` print this table. */
export const EXIT = {
  /** It did what was asked, or was asked to stop and stopped cleanly. */
  fine: 0,
  /** It could not; what it printed says why and what to do. */
  failed: 1,
  /** It was called in a way that makes no sense. */
  usage: 2,
  /** It looked, and the answer is no: copies differ, a log is damaged or has a gap, or a statement is not safe. */
  differs: 3,
  /** It read all that there is, and nobody is there who would have more. */
  ended: 4,
  /** It was told twice to stop, and stopped without tidying up. */
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export const EXIT_CODES_HELP: string = `
Exit codes:
  0    done; or asked to stop (Ctrl-C) and stopped cleanly
  1    failed; what was printed says why and what to do
  2    wrong usage
  3    the copies differ, the log is damaged or has a gap, or a statement is not safe to replicate as text
  4    nobody serves the database: its changes end with its log
  130  asked to stop a second time, and stopped at once`
