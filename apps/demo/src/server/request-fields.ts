import type { LinkMode } from '../wire.ts'

/** Who sends what can't be used is told what was wanted. */
export function record(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('the body must be a JSON object')
  return value as Record<string, unknown>
}

export function text(body: Record<string, unknown>, name: string): string {
  const value = body[name]
  if (typeof value !== 'string') throw new TypeError(`${name} must be a text`)
  return value
}

export function optionalText(body: Record<string, unknown>, name: string): string | undefined {
  return body[name] === undefined ? undefined : text(body, name)
}

/** A whole number from 0 to `max`. */
export function count(body: Record<string, unknown>, name: string, max: number): number {
  const value = body[name]
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) {
    throw new TypeError(`${name} must be a whole number from 0 to ${max}`)
  }
  return value
}

const BYTES_PER_SECOND_MAX = 1024 ** 3
const DELAY_MS_MAX = 60_000

export function linkMode(body: Record<string, unknown>): LinkMode {
  const kind = text(body, 'kind')
  switch (kind) {
    case 'open':
    case 'cut':
    case 'held':
      return { kind }
    case 'slow':
      return { kind, bytesPerSecond: Math.max(1, count(body, 'bytesPerSecond', BYTES_PER_SECOND_MAX)) }
    case 'delayed':
      return { kind, delayMs: count(body, 'delayMs', DELAY_MS_MAX) }
    default:
      throw new TypeError(`a link is open, cut, held, slow or delayed, not ${JSON.stringify(kind)}`)
  }
}
