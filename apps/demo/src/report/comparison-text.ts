import type { Comparison, ComparisonRow } from '../wire.ts'

interface Column {
  readonly title: string
  readonly of: (row: ComparisonRow) => string
}

const COLUMNS: readonly Column[] = [
  { title: 'bytes/commit', of: ({ bytesPerCommit }) => count(bytesPerCommit) },
  { title: 'bytes', of: ({ bytes }) => count(bytes) },
  { title: 'as rows', of: ({ asRows }) => (asRows === undefined ? '-' : count(asRows)) },
  { title: 'encode us', of: ({ encodeUs }) => count(encodeUs) },
  { title: 'apply us', of: ({ applyUs }) => count(applyUs) },
  { title: 'delay ms', of: ({ delayMs }) => (delayMs === undefined ? '-' : count(delayMs)) },
  { title: 'catch-up ms', of: ({ catchUpMs }) => (catchUpMs === undefined ? '-' : count(catchUpMs)) },
  { title: 'copy', of: ({ verdict }) => (verdict.equal ? 'equal' : 'DIFFERENT') },
]

const NAME_WIDTH = 12
const WIDTH = 13

/** A comparison as a table for a terminal. */
export function showComparison({ workload, commits, rows }: Pick<Comparison, 'workload' | 'commits' | 'rows'>): string[] {
  const head = COLUMNS.map(({ title }) => title.padStart(WIDTH)).join('')
  return [
    '',
    `${workload.label}: ${commits} commits`,
    `${''.padEnd(NAME_WIDTH)}${head}`,
    ...rows.map((row) => `${row.follower.padEnd(NAME_WIDTH)}${COLUMNS.map(({ of }) => of(row).padStart(WIDTH)).join('')}`),
  ]
}

function count(number: number): string {
  return Math.round(number).toLocaleString('en')
}
