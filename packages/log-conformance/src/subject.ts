import type { CopyFormat, LogFormat } from '@stemma/log'

/** A log format; or what makes one, so that leaders and copies get one each, as they have it in life. */
export type FormatOrMaker = LogFormat | (() => LogFormat)

/** What is judged. */
export interface Subject {
  /** As leaders have it. */
  readonly format: LogFormat
  /** As copies have it, and whoever reads payloads. */
  readonly reader: LogFormat
  /** One more of it that has seen nothing yet, as far as the kit was told how to make one. */
  newOne(): LogFormat
  /** The same format as it was when it wrote older versions of its payloads, for each that it still reads. */
  readonly older?: readonly LogFormat[] | undefined
}

/** Makes what is judged. */
export function newSubject(format: FormatOrMaker, older?: readonly LogFormat[]): Subject {
  const make = typeof format === 'function' ? format : () => format
  return { format: make(), reader: make(), newOne: make, older }
}

/** True for a format that copies can be made by; others are only read. */
export function makesCopies(format: LogFormat): format is CopyFormat {
  return format.isFeedOnly !== true
}

export function onlyForCopies({ format }: Subject): string | undefined {
  return makesCopies(format) ? undefined : 'it says that it is only read'
}

/** For rules about what a copy by rows or by statements is told. */
export function onlyForLogicalCopies(subject: Subject): string | undefined {
  return subject.format.view === 'pages' ? 'its view is pages' : onlyForCopies(subject)
}

export function onlyForPages({ format }: Subject): string | undefined {
  return format.view === 'pages' ? undefined : `its view is ${format.view}`
}

export function onlyForStatements({ format }: Subject): string | undefined {
  return format.view === 'statements' ? undefined : `its view is ${format.view}`
}
