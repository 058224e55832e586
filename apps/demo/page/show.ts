/** Numbers as people read them. */

export function showBytes(bytes: number): string {
  if (bytes < 1_000) return `${Math.round(bytes)} B`
  if (bytes < 1_000_000) return `${showThree(bytes / 1_000)} kB`
  return `${showThree(bytes / 1_000_000)} MB`
}

export function showCount(count: number): string {
  return Math.round(count).toLocaleString('en')
}

export function showMs(ms: number | undefined): string {
  if (ms === undefined) return '–'
  if (ms < 1) return `${Math.round(ms * 1_000)} µs`
  return ms < 1_000 ? `${showThree(ms)} ms` : `${showThree(ms / 1_000)} s`
}

export function showUs(us: number): string {
  return showMs(us / 1_000)
}

/** Three digits that count. */
function showThree(number: number): string {
  return number >= 100 ? String(Math.round(number)) : String(Number(number.toPrecision(number >= 10 ? 3 : 2)))
}
