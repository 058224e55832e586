import { many, onceIn, pick, pickByWeight, type Dice } from './dice.ts'

/** How far values go. */
export interface ValueOptions {
  /** Rowids and integers at the ends of what there is: SQLite then draws rowids by chance, so no two runs are the same. */
  readonly extremes: boolean
}

const INTEGERS = ['0', '1', '-1', '127', '128', '-129', '32768', '8388608', '-2147483649', '140737488355328']
const EXTREME_INTEGERS = ['9223372036854775807', '-9223372036854775808', '9007199254740993', '-9007199254740993']
const REALS = ['0.0', '-0.0', '1.0', '-1.5', '9e999', '-9e999', '1e308', '5e-324', '3.0e15', '0.1', '9007199254740992.0', '9e18']
const TEXTS = [
  "''",
  "'a'",
  "'A'",
  "'a '",
  "'10'",
  "'1e2'",
  "'0x1'",
  "'Ünïcödé 𝄞'",
  "CAST(x'610062' AS TEXT)",
  "CAST(x'ff' AS TEXT)",
  "CAST(x'e282' AS TEXT)",
  "CAST(x'00' AS TEXT)",
  "CAST(x'd800' AS TEXT)",
  "CAST(x'efbbbf61' AS TEXT)",
]
const LETTERS = Array.from('abcdefghij ABC')
const BLOBS = ["x''", "x'00'", "x'ff00ff'", "x'610062'", 'zeroblob(0)', 'zeroblob(40)']

/** A value as SQL writes it: the same each time that it is run. */
export function newValue(dice: Dice, options: ValueOptions): string {
  return pickByWeight<() => string>(dice, [
    [2, () => 'NULL'],
    [6, () => newInteger(dice, options)],
    [3, () => pick(dice, REALS)],
    [2, () => `${dice(100_000) / 8}`],
    [3, () => pick(dice, TEXTS)],
    [5, () => newText(dice, 40)],
    [2, () => pick(dice, BLOBS)],
    [3, () => newBlob(dice, 60)],
    [1, () => newLongText(dice)],
    [1, () => newLargeBlob(dice)],
  ])()
}

export function newInteger(dice: Dice, { extremes }: ValueOptions): string {
  if (onceIn(dice, 3)) return pick(dice, extremes ? [...INTEGERS, ...EXTREME_INTEGERS] : INTEGERS)
  return String(dice(pick(dice, [10, 300, 100_000, 2 ** 31])))
}

export function newText(dice: Dice, length: number): string {
  const letters = many(dice(length), () => pick(dice, LETTERS))
  return `'${letters.join('')}'`
}

function newBlob(dice: Dice, length: number): string {
  return `x'${many(dice(length), () => dice(256).toString(16).padStart(2, '0')).join('')}'`
}

/** Long enough for overflow pages. The number is at its end: two of them differ on their last page alone. */
function newLongText(dice: Dice): string {
  return `printf('%0*d', ${newLength(dice)}, ${dice(1000)})`
}

/** A large blob. */
export function newLargeBlob(dice: Dice, length: number = newLength(dice)): string {
  return onceIn(dice, 3) ? `zeroblob(${length})` : patternedBlob(dice(Math.max(1, length)), dice(10_000), length)
}

/** Two of a length differ on one page in the middle, or at the end. Each is a number, or an expression that is one. */
export function patternedBlob(put: number | string, mark: number, length: number | string): string {
  return `CAST(substr(printf('%.*c%04d%.*c', ${put}, 'x', ${mark}, ${length}, 'y'), 1, ${length}) AS BLOB)`
}

function newLength(dice: Dice): number {
  return pick(dice, [dice(600), dice(3000), dice(3000), dice(20_000), dice(90_000)])
}

/** A rowid, most often one near those that tables have. */
export function newRowid(dice: Dice, { extremes }: ValueOptions): string {
  if (extremes && onceIn(dice, 20)) return pick(dice, [...EXTREME_INTEGERS, '0', '-1', '4294967296'])
  return String(pick(dice, [dice(20), dice(300), dice(100_000), -dice(100)]))
}
