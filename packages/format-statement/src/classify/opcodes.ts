import type { Opcode } from './port.ts'

/**
 * A place where SQLite takes only what gives the same again: its date and time functions fail there once they ask clock or time zone.
 *
 * @see sqlite3NotPureFunc in SQLite's vdbeaux.c
 */
export type PureContext = 'check' | 'generated-column' | 'index'

/** What SQLite's program for a statement shows. */
export interface ProgramFacts {
  /** Names of the functions that it calls, triggers, defaults and foreign keys included. */
  readonly functions: ReadonlySet<string>
  /** Those that it calls in such places only, each with the first. */
  readonly pureCalls: ReadonlyMap<string, PureContext>
  /** Names of the triggers that it may fire, in lower case. */
  readonly triggers: ReadonlySet<string>
  readonly writesMain: boolean
  readonly usesTemp: boolean
  readonly usesAttached: boolean
  readonly usesVirtualTable: boolean
}

const TRIGGER = /^-- TRIGGER (.*)$/s
const CALL = /^(.+)\(-?\d+\)$/s
const CALLING: ReadonlySet<string> = new Set([
  'Function',
  'PureFunc',
  'AggStep',
  'AggStep1',
  'AggFinal',
  'AggValue',
  'AggInverse',
])
const VIRTUAL: ReadonlySet<string> = new Set(['VOpen', 'VUpdate', 'VCreate', 'VDestroy'])

/** Whether `readProgram` looks at an instruction of this name. */
export function isTelling(opcode: string): boolean {
  return opcode === 'Transaction' || opcode === 'Init' || CALLING.has(opcode) || VIRTUAL.has(opcode)
}

/**
 * Reads a program. Which index it uses is not looked at: a copy may have chosen another one.
 *
 * `Transaction` names each database that is used: 0 is main, 1 TEMP, others are attached; p2 is not 0 where it is written.
 */
export function readProgram(program: readonly Opcode[]): ProgramFacts {
  const functions = new Set<string>()
  const pureCalls = new Map<string, PureContext>()
  const otherCalls = new Set<string>()
  const triggers = new Set<string>()
  const transactions: Opcode[] = []
  let usesVirtualTable = false
  for (const each of program) {
    if (each.opcode === 'Transaction') transactions.push(each)
    else if (VIRTUAL.has(each.opcode)) usesVirtualTable = true
    else if (each.p4 === null) continue
    else if (CALLING.has(each.opcode)) {
      const name = (CALL.exec(each.p4)?.[1] ?? each.p4).toLowerCase()
      functions.add(name)
      if (each.opcode !== 'PureFunc') otherCalls.add(name)
      else if (!pureCalls.has(name)) pureCalls.set(name, contextOf(each))
    } else if (each.opcode === 'Init') {
      const name = TRIGGER.exec(each.p4)?.[1]
      if (name !== undefined) triggers.add(name.toLowerCase())
    }
  }
  for (const name of otherCalls) pureCalls.delete(name)
  return {
    functions,
    pureCalls,
    triggers,
    writesMain: transactions.some(({ p1, p2 }) => p1 === 0 && p2 !== 0),
    usesTemp: transactions.some(({ p1 }) => p1 === 1),
    usesAttached: transactions.some(({ p1 }) => p1 > 1),
    usesVirtualTable,
  }
}

// NC_IsCheck and NC_GenCol of SQLite's sqliteInt.h; what else there is means an index.
const IS_CHECK = 0x04
const IS_GENERATED = 0x08

function contextOf({ p5 }: Opcode): PureContext {
  return (p5 & IS_CHECK) !== 0 ? 'check' : (p5 & IS_GENERATED) !== 0 ? 'generated-column' : 'index'
}
