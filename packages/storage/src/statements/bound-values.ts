import type { StatementValue } from '@stemma/log'

/** What a statement is run with. */
export interface BoundValues {
  /** Of `?`, in order. */
  readonly placed: readonly StatementValue[]
  /** Of `:name` and its like, and of `?1`, without the sigil; undefined when nothing was given by name. */
  readonly named: Readonly<Record<string, StatementValue>> | undefined
}

/**
 * Reads what a program gives to `run` and its like as better-sqlite3 does. What better-sqlite3 would refuse gives anything.
 *
 * The values are not copied, and where it can be `placed` is the very array that was given.
 *
 * @param names - the names of the statement's parameters
 */
export function readBoundValues(parameters: readonly unknown[], names: () => readonly string[]): BoundValues {
  for (let i = 0; i < parameters.length; i++) {
    const value = parameters[i]
    if (value === undefined || (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)))
      return readSlowly(parameters, names())
  }
  return { placed: parameters as readonly StatementValue[], named: undefined }
}

function readSlowly(parameters: readonly unknown[], names: readonly string[]): BoundValues {
  const placed: StatementValue[] = []
  let named: Record<string, StatementValue> | undefined
  for (const parameter of parameters) {
    if (Array.isArray(parameter)) placed.push(...parameter.map(valueOf))
    else if (typeof parameter !== 'object' || parameter === null || ArrayBuffer.isView(parameter)) placed.push(valueOf(parameter))
    else named = readNamed(parameter as Readonly<Record<string, unknown>>, names)
  }
  return { placed, named }
}

function readNamed(given: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, StatementValue> {
  const named: Record<string, StatementValue> = Object.create(null) as Record<string, StatementValue>
  for (const name of names) if (Object.hasOwn(given, name)) named[name] = valueOf(given[name])
  return named
}

function valueOf(value: unknown): StatementValue {
  if (value === undefined) return null
  if (ArrayBuffer.isView(value) && !(value instanceof Uint8Array))
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  return value as StatementValue
}

/** The names of a statement's parameters, without their sigils. `?1` has the name `1`. */
export function parameterNames(sql: string): string[] {
  const names = new Set<string>()
  for (const [token] of sql.matchAll(TOKENS)) {
    if (token.length > 1 && '?:@$'.includes(token[0]!)) names.add(token.slice(1))
  }
  return [...names]
}

/** Parameters, and whatever else could hold something that looks like one. */
const TOKENS =
  /--[^\n]*|\/\*[^]*?(?:\*\/|$)|"(?:[^"]|"")*"|'(?:[^']|'')*'|`(?:[^`]|``)*`|\[[^\]]*\]|\?\d*|[:@$](?:[\w$\u0080-\uFFFF]|::)+(?:\([^)\s]*\))?|[\w$\u0080-\uFFFF]+/g
