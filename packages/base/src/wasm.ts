/** Bytes of a WebAssembly function, or a part of it. */
export type Code = readonly (number | Code)[]

export const I32 = 0x7f
export const I64 = 0x7e

/** A function of a module. Its parameters are its first locals. */
export interface WasmFunction {
  /** Undefined for a function that only the module itself calls. */
  readonly name?: string
  readonly parameters: readonly number[]
  readonly results: readonly number[]
  readonly locals: readonly number[]
  readonly code: Code
}

// Instructions, by the names of the specification: https://webassembly.github.io/spec/core/binary/instructions.html
export const get = (local: number): Code => [0x20, local]
export const set = (local: number): Code => [0x21, local]
export const getGlobal = (index: number): Code => [0x23, index]
export const setGlobal = (index: number): Code => [0x24, index]
export const call = (index: number): Code => [0x10, index]
export const i32 = {
  const: (value: number): Code => [0x41, signed(BigInt(value))],
  add: [0x6a],
  ltU: [0x49],
  leU: [0x4d],
} as const
export const i64 = {
  const: (value: bigint): Code => [0x42, signed(BigInt.asIntN(64, value))],
  load: [0x29, 0, 0],
  loadAt: (offset: number): Code => [0x29, 0, offset],
  load8: [0x31, 0, 0],
  load32: [0x35, 0, 0],
  store: [0x37, 0, 0],
  add: [0x7c],
  sub: [0x7d],
  mul: [0x7e],
  xor: [0x85],
  shrU: [0x88],
  rotl: [0x89],
  ltU: [0x54],
  extendU: [0xad],
} as const

/** Does `body` as long as `condition`, which leaves an i32, isn't 0. */
export const whileTrue = (condition: Code, body: Code): Code => [
  [0x02, 0x40, 0x03, 0x40], // block, loop
  [condition, 0x45, 0x0d, 1], // leave the block when it is 0
  [body, 0x0c, 0],
  [0x0b, 0x0b],
]

/** Leaves one of two i64, by the i32 before them. */
export const choose = (then: Code, otherwise: Code): Code => [0x04, I64, then, 0x05, otherwise, 0x0b]

/**
 * Puts together a module with a memory, exported as `memory`, and i64 variables that begin as 0.
 *
 * @param module.memoryPages - size of the memory, in units of 64 KiB
 * @see https://webassembly.github.io/spec/core/binary/modules.html
 */
export function encodeWasm(module: {
  readonly memoryPages: number
  readonly globals: number
  readonly functions: readonly WasmFunction[]
}): Uint8Array<ArrayBuffer> {
  const { memoryPages, globals, functions } = module
  const exported = functions.flatMap(({ name }, index) => (name === undefined ? [] : [[text(name), 0, unsigned(index)]]))
  return Uint8Array.from(
    flat([
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(
        1,
        functions.map(({ parameters, results }) => [0x60, vector(parameters), vector(results)]),
      ),
      section(
        3,
        functions.map((_, index) => unsigned(index)),
      ),
      section(5, [[1, unsigned(memoryPages), unsigned(memoryPages)]]),
      section(
        6,
        Array.from({ length: globals }, () => [I64, 1, i64.const(0n), 0x0b]),
      ),
      section(7, [[text('memory'), 2, 0], ...exported]),
      section(
        10,
        functions.map(({ locals, code }) => sized([vector(locals.map((type) => [1, type])), code, 0x0b])),
      ),
    ]),
  )
}

function section(id: number, items: readonly Code[]): Code {
  return [id, sized(vector(items))]
}

function sized(code: Code): Code {
  const bytes = flat(code)
  return [unsigned(bytes.length), bytes]
}

function vector(items: Code): Code {
  return [unsigned(items.length), items]
}

function text(value: string): Code {
  return vector(Array.from(value, (character) => character.charCodeAt(0)))
}

function flat(code: Code): number[] {
  return code.flatMap((part) => (typeof part === 'number' ? [part] : flat(part)))
}

/** LEB128. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, unsigned(value >>> 7)]
}

/** LEB128 of a number with a sign. */
function signed(value: bigint): Code {
  const low = Number(value & 0x7fn)
  const rest = value >> 7n
  const isLast = (rest === 0n && low < 0x40) || (rest === -1n && low >= 0x40)
  return isLast ? [low] : [low | 0x80, signed(rest)]
}
