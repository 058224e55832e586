/** One number that was measured, and what it should be. */
export interface Row {
  /** `group.what.more`, stable: scripts point at it. */
  readonly name: string
  /** The median of the runs. */
  readonly value: number
  readonly unit: string
  /** Undefined where the number is only told. */
  readonly goal: number | undefined
  readonly better: 'higher' | 'lower'
  /** The value of each run. */
  readonly runs: readonly number[]
  /** What it was compared with, for people. */
  readonly beside?: string
}

/** Makes a row of the values that the runs gave. */
export function newRow(row: Omit<Row, 'value'>): Row {
  return { ...row, value: median(row.runs) }
}

/** The middle value; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

/** The value that a share of the others is below. The values are in order. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}

/** Whether a row reaches its goal; a row without one does. */
export function isReached({ value, goal, better }: Row): boolean {
  if (goal === undefined) return true
  return better === 'higher' ? value >= goal : value <= goal
}

/** A row as a line of JSON. */
export function toJson(row: Row): string {
  const { name, value, unit, goal, better, runs } = row
  const rounded = runs.map((run) => Number(run.toPrecision(5)))
  return JSON.stringify({
    name,
    value: Number(value.toPrecision(5)),
    unit,
    goal: goal ?? null,
    better,
    ok: isReached(row),
    runs: rounded,
  })
}

/** A row as a line of a table. */
export function toLine(row: Row): string {
  const goal = row.goal === undefined ? '' : `${row.better === 'higher' ? '>=' : '<='} ${row.goal}`
  const mark = row.goal === undefined ? '  ' : isReached(row) ? 'ok' : 'NO'
  return `${mark} ${row.name.padEnd(40)} ${show(row.value).padStart(9)} ${row.unit.padEnd(10)} ${goal.padEnd(9)} ${row.beside ?? ''}`.trimEnd()
}

/** A number with three digits that count. */
export function show(value: number): string {
  if (!Number.isFinite(value)) return '-'
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  return value.toPrecision(3)
}
