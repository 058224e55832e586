import { showBytes, showSeconds } from './quantity.ts'

export interface Progress {
  /** Bytes that are done. */
  readonly done: number
  /** Bytes in all; 0 when that is not known. */
  readonly total: number
  /** Since it began. */
  readonly seconds: number
}

const BAR_WIDTH = 24

/** A bar with what is done, how fast, and how long it will take: `[████████░░░░]  62 %  124 MiB of 200 MiB  310 MiB/s  0.2 s left`. */
export function showProgress({ done, total, seconds }: Progress): string {
  const share = total === 0 ? 0 : Math.min(1, done / total)
  const full = Math.round(share * BAR_WIDTH)
  const parts = [
    `[${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}]`,
    `${Math.floor(share * 100)} %`.padStart(5),
    `${showBytes(done)} of ${showBytes(total)}`,
  ]
  if (seconds > 0 && done > 0) {
    const rate = done / seconds
    parts.push(`${showBytes(rate)}/s`)
    if (share < 1) parts.push(`${showSeconds((total - done) / rate)} left`)
  }
  return parts.join('  ')
}
