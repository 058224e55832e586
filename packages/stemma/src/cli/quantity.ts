import { StemmaError } from '@stemma/base'

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** Bytes for people: `14.2 MiB`. */
export function showBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`
}

/** A whole number with its thousands apart: `12,300`. */
export function showCount(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',')
}

/** A number of things: `1 commit`, `2,300 commits`. */
export function showMany(count: number, thing: string): string {
  return `${showCount(count)} ${thing}${count === 1 ? '' : 's'}`
}

/** Seconds for people: `0.3 s`, `42 s`, `3:05`, `2:00:10`. */
export function showSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 60) return `${Math.round(seconds)} s`
  const whole = Math.round(seconds)
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  if (parts[0] === 0) parts.shift()
  return parts.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0'))).join(':')
}

/**
 * Reads a size such as `512MiB`, `2g` or `1048576`. Units are of 1024, whatever they are called.
 *
 * @throws StemmaError BAD_ARGUMENT
 */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim())
  if (match === null)
    throw new StemmaError('BAD_ARGUMENT', `${JSON.stringify(text)} is no size; write it as 512MiB or 2GiB`, { text })
  return Math.floor(Number(match[1]) * 1024 ** ' kmgt'.indexOf((match[2] ?? '').toLowerCase() || ' '))
}

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/**
 * Reads a time span such as `30s`, `15m`, `12h` or `7d`.
 *
 * @returns milliseconds
 * @throws StemmaError BAD_ARGUMENT
 */
export function parseSpan(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([smhd])$/i.exec(text.trim())
  if (match === null)
    throw new StemmaError('BAD_ARGUMENT', `${JSON.stringify(text)} is no time span; write it as 30s, 15m, 12h or 7d`, { text })
  return Number(match[1]) * SECONDS[(match[2] ?? 's').toLowerCase() as keyof typeof SECONDS] * 1000
}
