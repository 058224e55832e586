import { inspect } from 'node:util'
import { StemmaError, type ErrorCode } from '@stemma/base'

/** What the main thread asks of an engine's thread. */
export interface Call {
  readonly id: number
  readonly method: string
  readonly argument: unknown
}

/** What comes back, and what comes by itself. */
export type Reply =
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: WireError }
  | { readonly kind: 'event'; readonly event: unknown }

/** An error as it can be sent to another thread or process. */
export interface WireError {
  readonly code: ErrorCode | undefined
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
  readonly stack: string | undefined
  readonly cause: string | undefined
}

export function encodeError(error: unknown): WireError {
  const known = StemmaError.is(error) ? error : undefined
  return {
    code: known?.code,
    message: error instanceof Error ? error.message : String(error),
    details: plain(known?.details ?? {}),
    stack: error instanceof Error ? error.stack : undefined,
    cause: known?.cause instanceof Error ? known.cause.message : undefined,
  }
}

export function decodeError(wire: WireError): Error {
  const cause = wire.cause === undefined ? undefined : new Error(wire.cause)
  const error =
    wire.code === undefined
      ? new Error(wire.message)
      : new StemmaError(wire.code, wire.message.replace(`${wire.code}: `, ''), { ...wire.details }, cause)
  if (wire.stack !== undefined) error.stack = wire.stack
  return error
}

/** Events carry errors in a field called `error`; nothing else in them needs care. */
export function encodeEvent(event: object): object {
  return 'error' in event && event.error !== undefined ? { ...event, error: encodeError(event.error) } : event
}

export function decodeEvent(event: object): object {
  return 'error' in event && event.error !== undefined ? { ...event, error: decodeError(event.error as WireError) } : event
}

/** Details as values that every thread can take: what can't be copied is written as text. */
function plain(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(details).map(([key, value]) => [key, typeof value === 'object' && value !== null ? inspect(value) : value]),
  )
}
