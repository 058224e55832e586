import { damagedPayload, escapeControls, type EntryDescription } from '@stemma/log'

/** No more events than these get a line of their own, and no more characters of each are told. */
const EVENTS_TOLD = 256
const EVENT_TOLD = 500

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Explains a payload to people: how many events of which kind, then the events.
 *
 * @throws StemmaError DAMAGED_ENTRY when it is not lines of events
 */
export function describeEvents(payload: Uint8Array): EntryDescription {
  const lines = linesOf(payload)
  const counts = new Map<string, number>()
  for (const [i, line] of lines.entries()) {
    const kind = kindOf(line, i)
    if (kind !== undefined) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  const parts = Array.from(counts, ([kind, count]) => `${count} ${kind}`)
  const details = lines
    .slice(0, EVENTS_TOLD)
    .map((line) => escapeControls(line.length > EVENT_TOLD ? `${line.slice(0, EVENT_TOLD)}...` : line))
  if (lines.length > EVENTS_TOLD) details.push(`and ${lines.length - EVENTS_TOLD} lines more`)
  return { summary: `${parts.length === 0 ? 'no events' : parts.join(', ')}; ${payload.byteLength} bytes`, details }
}

function linesOf(payload: Uint8Array): string[] {
  let text: string
  try {
    text = UTF8.decode(payload)
  } catch (cause) {
    throw damagedPayload(0, 'it is no UTF-8', cause)
  }
  if (!text.endsWith('\n')) throw damagedPayload(payload.byteLength, 'its last line has no end')
  return text.slice(0, -1).split('\n')
}

const OPERATIONS: Readonly<Record<string, string>> = { c: 'created', u: 'updated', d: 'deleted' }

/** Undefined for what marks the begin and the end of a commit. */
function kindOf(line: string, index: number): string | undefined {
  let event: unknown
  try {
    event = JSON.parse(line)
  } catch (cause) {
    throw damagedPayload(0, `line ${index + 1} is no JSON`, cause)
  }
  const value = fieldOf(event, 'value')
  const op = fieldOf(value, 'op')
  if (typeof op === 'string' && Object.hasOwn(OPERATIONS, op)) return OPERATIONS[op]
  if (fieldOf(value, 'status') !== undefined) return undefined
  if (fieldOf(value, 'ddl') !== undefined) return 'of the schema'
  throw damagedPayload(0, `line ${index + 1} is no event`)
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Readonly<Record<string, unknown>>)[name]
}
