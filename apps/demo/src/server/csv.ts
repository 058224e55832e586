import type { Comparison } from '../wire.ts'

const COLUMNS = [
  'workload',
  'transactions',
  'commits',
  'follower',
  'format',
  'entries',
  'as_rows',
  'bytes',
  'bytes_per_commit',
  'encode_us',
  'apply_us',
  'delay_ms',
  'delay_max_ms',
  'commits_waited',
  'catch_up_ms',
  'equal',
] as const

/** A comparison as a table for other programs: a line for each follower. */
export function showCsv({ workload, transactions, commits, rows }: Comparison): string {
  const lines = rows.map((row) => [
    workload.id,
    transactions,
    commits,
    row.follower,
    row.kind.format,
    row.entries,
    row.asRows,
    row.bytes,
    row.bytesPerCommit,
    row.encodeUs,
    row.applyUs,
    row.delayMs,
    row.delayMaxMs,
    row.waited,
    row.catchUpMs,
    row.verdict.equal,
  ])
  return [COLUMNS, ...lines]
    .map((line) => line.map(showField).join(','))
    .join('\r\n')
    .concat('\r\n')
}

function showField(value: string | number | boolean | undefined): string {
  const text = typeof value === 'number' ? String(Math.round(value * 1000) / 1000) : String(value ?? '')
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
