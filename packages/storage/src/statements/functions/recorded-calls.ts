import type { RecordedCall } from '@stemma/log'
import type { DriverValue } from '../../sqlite/driver.ts'

/** No more calls of functions are recorded for one statement, nor more bytes of values: rows are shorter then. */
export const CALLS_MAX = 10_000
export const CALL_BYTES_MAX: number = 1024 * 1024

/** SQLite's functions that draw a value, and how many arguments they take. */
export const RANDOM_FUNCTIONS: ReadonlyMap<string, number> = new Map([
  ['random', 0],
  ['randomblob', 1],
])

/** The same for calls that give the same. INTEGER and REAL are told apart only where `isStrict`: programs' functions get both as numbers. */
export function keyOfCall(name: string, values: readonly unknown[], isStrict: boolean): string {
  return `${name}(${values.map((value) => keyOf(value, isStrict)).join()})`
}

function keyOf(value: unknown, isStrict: boolean): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'bigint') return isStrict ? `i${value}` : `n${Number(value)}`
  if (typeof value === 'number') return isStrict ? `r${value}` : `n${value}`
  if (value instanceof Uint8Array) return `x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`
  return JSON.stringify(value)
}

/** A value as it is kept: nobody else holds its bytes. Undefined when it is none that SQLite has. */
export function keptValue(value: unknown): DriverValue | undefined {
  if (value === null || value === undefined) return null
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return value
  return undefined
}

export function bytesOfCall(call: RecordedCall): number {
  return [...call.arguments, call.value].reduce<number>(
    (sum, value) => sum + (typeof value === 'string' ? value.length : value instanceof Uint8Array ? value.byteLength : 8),
    16,
  )
}
