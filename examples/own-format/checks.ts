// JSON can be anything: each of these takes what it should be, or throws.

export type Fields = Readonly<Record<string, unknown>>

export function optional<T>(read: (value: unknown) => T, value: unknown): T | undefined {
  return value === undefined ? undefined : read(value)
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : wrong('a text', value)
}

export function number(value: unknown): number {
  return Number.isSafeInteger(value) ? (value as number) : wrong('a number', value)
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : wrong('a list', value)
}

export function object(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : wrong('an object', value)
}

export function integer(digits: string): bigint {
  return /^-?\d{1,19}$/.test(digits) ? BigInt.asIntN(64, BigInt(digits)) : wrong('an integer', digits)
}

export function oneOf<const T>(known: readonly T[], value: unknown): T {
  return known.find((each) => each === value) ?? wrong(known.join(' or '), value)
}

function wrong(wanted: string, value: unknown): never {
  throw new Error(`wanted is ${wanted}, here is ${JSON.stringify(value)}`)
}
