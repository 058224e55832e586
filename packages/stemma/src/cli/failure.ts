import { StemmaError } from '@stemma/base'
import type { Screen } from './screen.ts'

/** Where errors go: a process's `stderr`. */
export interface ErrorOutput {
  write(text: string): unknown
}

/** Says what failed, and what to do about it. A stack is shown only when `debug` is on. */
export function showFailure(error: unknown, debug: boolean): string {
  const lines = StemmaError.is(error)
    ? [`stemma: ${withoutCode(error)}`, `what to do: ${error.hint}`, `code: ${error.code}`]
    : [`stemma: ${messageOf(error)}`, ...hintFor(error)]
  if (debug && error instanceof Error) lines.push(error.stack ?? '', ...causesOf(error))
  return `${lines.join('\n')}\n`
}

/** Reports a failure: to people on stderr, to programs as a record as well. */
export function reportFailure(
  error: unknown,
  to: { readonly screen: Screen; readonly errors: ErrorOutput; readonly debug: boolean },
): void {
  to.screen.record({ event: 'failed', error })
  to.errors.write(showFailure(error, to.debug))
}

function withoutCode(error: StemmaError): string {
  return error.message.startsWith(`${error.code}: `) ? error.message.slice(error.code.length + 2) : error.message
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const HINTS: Readonly<Record<string, string>> = {
  ENOENT: 'Check the path.',
  EACCES: 'Check who may read and write the file and its folder.',
  EPERM: 'Check who may read and write the file and its folder.',
  EROFS: 'The file system is read-only. A leader and a copy both need to write beside the database.',
  ENOSPC: 'Make room on the disk, then start again: it goes on where it was.',
  EADDRINUSE: 'Another program listens there. Choose another port with --listen, or end that program.',
  EADDRNOTAVAIL: 'This machine has no such address. Choose another with --listen.',
  ECONNREFUSED: 'Nobody listens there. Check the address, and that the leader runs.',
  ENOTFOUND: 'There is no such host. Check the address.',
}

function hintFor(error: unknown): string[] {
  const code = (error as { code?: unknown } | null)?.code
  const hint = typeof code === 'string' ? HINTS[code] : undefined
  if (hint !== undefined) return [`what to do: ${hint}`, `code: ${String(code)}`]
  return ['what to do: This looks like a bug of Stemma. Run it again with STEMMA_DEBUG=1 and report what it prints.']
}

function causesOf(error: Error): string[] {
  const causes: string[] = []
  for (let cause = error.cause; cause instanceof Error && causes.length < 5; cause = cause.cause) {
    causes.push(`caused by ${cause.stack ?? cause.message}`)
  }
  return causes
}
