import { AssertionError, equal, ok } from 'node:assert/strict'
import { getHeapStatistics } from 'node:v8'
import { StemmaError } from '@stemma/base'
import { ENTRY_BYTES_MAX, type DecodedEntry, type LogFormat } from '@stemma/log'
import { TimeLimit } from '@stemma/storage'
import { readContent } from '../lab/content.ts'
import { cutsOf, otherBytesOf, type Damaged } from '../lab/damaged.ts'
import { anew, type Lab } from '../lab/lab.ts'
import { samplesOf } from '../lab/samples.ts'
import { EndlessError } from '../lab/endless.ts'
import { use, useAll, usesOf, type Payload, type Use } from '../lab/understand.ts'
import type { Rule } from '../rule.ts'
import { makesCopies } from '../subject.ts'
import { everyday } from '../workloads/stories.ts'

/** Milliseconds that a damaged payload of some KiB may take. */
const TIME_MAX = 2_000

/** Damage. */
export const damageRules: readonly Rule[] = [
  {
    id: 'LF-27',
    says: 'A payload that is cut short makes sense or is DAMAGED_ENTRY.',
    check: (lab) => tryAll(lab, cutsOf, mustMakeSense),
  },
  {
    id: 'LF-28',
    says: 'A payload with other bytes in it makes sense or is DAMAGED_ENTRY.',
    check: (lab) => tryAll(lab, otherBytesOf, mustMakeSense),
  },
  {
    id: 'LF-29',
    says: 'No payload takes for ever, or memory on the word of a number in it.',
    check: worksWithinLimits,
  },
  {
    id: 'LF-30',
    says: 'What failed leaves nothing behind.',
    check: nothingLeft,
  },
]

type Trial = (format: LogFormat, damaged: Damaged, how: Use) => void

async function tryAll(lab: Lab, damage: typeof cutsOf, trial: Trial): Promise<void> {
  const { reader } = lab
  for (const payload of await samplesOf(lab)) {
    for (const damaged of damage(payload, lab.random)) for (const how of usesOf(reader)) trial(reader, damaged, how)
  }
}

function mustMakeSense(format: LogFormat, { payload, how: damage }: Damaged, how: Use): void {
  try {
    use(format, payload, how)
  } catch (error) {
    if (StemmaError.is(error, 'DAMAGED_ENTRY')) return
    const shown = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    throw new AssertionError({ message: `${how} of a payload with ${damage} fails with ${shown}, which is not DAMAGED_ENTRY` })
  }
}

async function worksWithinLimits(lab: Lab): Promise<void> {
  const { reader } = lab
  const limit = new TimeLimit(TIME_MAX)
  for (const payload of await samplesOf(lab)) {
    const all = [...otherBytesOf(payload, lab.random)]
    for (const how of usesOf(reader)) {
      let at = ''
      const isOver = limit.run(() => {
        for (const damaged of all) {
          at = `${how} of a payload with ${damaged.how}`
          const takenBytes = memoryTaken(() => use(reader, damaged.payload, how))
          ok(takenBytes <= ENTRY_BYTES_MAX, `${at} takes ${takenBytes} bytes of memory`)
        }
      })
      ok(isOver, `${at} takes more than ${TIME_MAX} ms`)
    }
  }
}

/** Memory that was taken by a call, in bytes, as far as it has not been given back by then. */
function memoryTaken(call: () => unknown): number {
  const before = getHeapStatistics()
  try {
    call()
  } catch (error) {
    // That the error is the right one is another rule.
    if (error instanceof EndlessError) throw error
  }
  const after = getHeapStatistics()
  return after.external_memory - before.external_memory + (after.used_heap_size - before.used_heap_size)
}

async function nothingLeft(lab: Lab): Promise<void> {
  const { reader } = lab
  const payloads = (await samplesOf(lab)).filter((_, i) => i % 6 === 0)
  const expected = payloads.map((payload) => useAll(reader, payload))
  for (const [i, payload] of payloads.entries()) {
    for (const damaged of [...cutsOf(payload, lab.random), ...otherBytesOf(payload, lab.random)]) {
      for (const how of usesOf(reader)) if (!fails(reader, damaged.payload, how)) continue
      equal(useAll(reader, payload), expected[i], `a payload after the same with ${damaged.how}`)
    }
  }
  if (makesCopies(reader)) await copyStays(lab)
}

/** A real copy meets damage in an envelope that is right. */
async function copyStays(lab: Lab): Promise<void> {
  const leader = await lab.leader(everyday.first)
  const copy = await lab.copy(leader)
  for (const transaction of everyday.transactions) {
    const entries = await lab.entries(leader, transaction)
    const at = copy.sequence
    const cut = damagedOf(lab, entries[0]!, leader.source.place.pageSize)
    if (cut !== undefined) {
      ok(
        failsToApply(() => copy.apply([cut])),
        'a copy has taken a damaged entry',
      )
      equal(copy.sequence, at, 'where the copy stands after a damaged entry')
    }
    copy.apply(entries)
    copy.mustEqual(readContent(leader.connection), 'after a damaged entry and the right one')
  }
}

/** The longest start of an entry's payload that makes no sense. */
function damagedOf({ reader }: Lab, entry: DecodedEntry, pageSize: number): DecodedEntry | undefined {
  for (let length = entry.payload.byteLength - 1; length >= 0; length--) {
    const payload = entry.payload.subarray(0, length)
    const [how] = usesOf(reader)
    if (fails(reader, { bytes: payload, version: entry.formatVersion, pageSize }, how!)) return anew({ ...entry, payload })
  }
  return undefined
}

function fails(format: LogFormat, payload: Payload, how: Use): boolean {
  return failsToApply(() => use(format, payload, how))
}

function failsToApply(call: () => unknown): boolean {
  try {
    call()
    return false
  } catch {
    return true
  }
}
