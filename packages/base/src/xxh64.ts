import {
  I32,
  I64,
  call,
  choose,
  encodeWasm,
  get,
  getGlobal,
  i32,
  i64,
  set,
  setGlobal,
  whileTrue,
  type Code,
  type WasmFunction,
} from './wasm.ts'

/** What can be put in at once, in bytes. */
export const INPUT_BYTES: number = 64 * 1024

const INPUT = 0
const OUTPUT = INPUT + INPUT_BYTES

/** XXH64, written for WebAssembly: plain JavaScript has no fast 64-bit arithmetic. */
export interface Xxh64 {
  /** `INPUT_BYTES` of room for what is to be hashed. */
  readonly input: Uint8Array
  /** One number, unsigned: it is cheaper to be read from here than what a function gives back, which is signed. */
  readonly output: BigUint64Array
  /** Hashes the page that lies in `input`, a multiple of 32 bytes, seeded with its number, and puts its sum into `output`. */
  sum(pageSize: number, pageNumber: number): void
  /** Begins a hash of more bytes than `input` holds. */
  begin(seed: bigint): void
  /** Goes on with the first bytes of `input`, a multiple of 32. */
  add(bytes: number): void
  /** Ends with the bytes of `input` from one offset to another, fewer than 32, after `total` in all. Gives a signed number. */
  end(total: bigint, from: number, to: number): bigint
}

const P1 = 0x9e3779b185ebca87n
const P2 = 0xc2b2ae3d27d4eb4fn
const P3 = 0x165667b19e3779f9n
const P4 = 0x85ebca77c2b2ae63n
const P5 = 0x27d4eb2f165667c5n

const LANES = [0, 1, 2, 3] as const
const [V1, V2, V3, V4] = LANES
const [BEGIN, ADD, MERGE, MIX] = [0, 1, 2, 3] as const

const times = (prime: bigint): Code => [i64.const(prime), i64.mul]
const plus = (prime: bigint): Code => [i64.const(prime), i64.add]
const rotated = (bits: number): Code => [i64.const(BigInt(bits)), i64.rotl]

/** A step of one of the four lanes, `lane` being a local: 8 bytes at `pointer`, `offset` bytes on. */
const laneStep = (lane: number, pointer: number, offset: number): Code => [
  [get(lane), get(pointer), i64.loadAt(offset), times(P2), i64.add],
  [rotated(31), times(P1), set(lane)],
]

/** h = (h ^ round(0, lane)) * P1 + P4 */
const mergeLane = (lane: number): Code => [getGlobal(lane), times(P2), rotated(31), times(P1), i64.xor, times(P1), plus(P4)]

const xorShifted = (local: number, bits: number): Code => [get(local), get(local), i64.const(BigInt(bits)), i64.shrU, i64.xor]

/** One step over the rest: takes `size` bytes as long as there are so many. Locals: 1 from, 2 to, 3 the hash. */
const restStep = (size: number, step: Code): Code =>
  whileTrue([get(1), i32.const(size), i32.add, get(2), i32.leU], [get(3), step, set(3), get(1), i32.const(size), i32.add, set(1)])

// In the order of the numbers above.
const FUNCTIONS: readonly WasmFunction[] = [
  {
    name: 'begin', // seed
    parameters: [I64],
    results: [],
    locals: [],
    code: [
      [get(0), plus(P1), plus(P2), setGlobal(V1)],
      [get(0), plus(P2), setGlobal(V2)],
      [get(0), setGlobal(V3)],
      [get(0), i64.const(P1), i64.sub, setGlobal(V4)],
    ],
  },
  {
    name: 'add', // from, to; the lanes
    parameters: [I32, I32],
    results: [],
    locals: [I64, I64, I64, I64],
    code: [
      LANES.map((lane) => [getGlobal(lane), set(2 + lane)]),
      whileTrue(
        [get(0), get(1), i32.ltU],
        [LANES.map((lane) => laneStep(2 + lane, 0, 8 * lane)), get(0), i32.const(32), i32.add, set(0)],
      ),
      LANES.map((lane) => [get(2 + lane), setGlobal(lane)]),
    ],
  },
  {
    parameters: [],
    results: [I64],
    locals: [],
    code: [
      [getGlobal(V1), rotated(1), getGlobal(V2), rotated(7), i64.add],
      [getGlobal(V3), rotated(12), i64.add, getGlobal(V4), rotated(18), i64.add],
      LANES.map(mergeLane),
    ],
  },
  {
    parameters: [I64],
    results: [I64],
    locals: [],
    code: [xorShifted(0, 33), times(P2), set(0), xorShifted(0, 29), times(P3), set(0), xorShifted(0, 32)],
  },
  {
    name: 'sum', // size of the page, its number
    parameters: [I32, I64],
    results: [],
    locals: [],
    code: [
      [get(1), call(BEGIN), i32.const(INPUT), get(0), call(ADD)],
      [i32.const(OUTPUT), call(MERGE), get(0), i64.extendU, i64.add, call(MIX), i64.store],
    ],
  },
  {
    name: 'end', // total, from, to; the hash
    parameters: [I64, I32, I32],
    results: [I64],
    locals: [I64],
    code: [
      [get(0), i64.const(32n), i64.ltU, choose([getGlobal(V3), plus(P5)], call(MERGE)), get(0), i64.add, set(3)],
      restStep(8, [get(1), i64.load, times(P2), rotated(31), times(P1), i64.xor, rotated(27), times(P1), plus(P4)]),
      restStep(4, [get(1), i64.load32, times(P1), i64.xor, rotated(23), times(P2), plus(P3)]),
      restStep(1, [get(1), i64.load8, times(P5), i64.xor, rotated(11), times(P1)]),
      [get(3), call(MIX)],
    ],
  },
]

/**
 * Makes one, with memory of its own.
 *
 * @see https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
 */
export function newXxh64(): Xxh64 {
  const module = new WebAssembly.Module(encodeWasm({ memoryPages: 2, globals: LANES.length, functions: FUNCTIONS }))
  const { memory, begin, add, sum, end } = new WebAssembly.Instance(module).exports as Exports
  return {
    input: new Uint8Array(memory.buffer, INPUT, INPUT_BYTES),
    output: new BigUint64Array(memory.buffer, OUTPUT, 1),
    sum: (pageSize, pageNumber) => sum(pageSize, BigInt(pageNumber)),
    begin,
    add: (count) => add(INPUT, count),
    end,
  }
}

// Every runtime has it, but the library of types for the language alone does not.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: object }
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer }
  begin(seed: bigint): void
  add(from: number, to: number): void
  sum(pageSize: number, pageNumber: bigint): void
  end(total: bigint, from: number, to: number): bigint
}
