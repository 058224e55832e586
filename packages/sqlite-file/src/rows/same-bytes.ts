/** True when two runs of bytes are equal. Both must lie within their arrays. */
export function sameBytes(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number, size: number): boolean {
  for (let i = 0; i < size; i++) {
    if (a[aOffset + i] !== b[bOffset + i]) return false
  }
  return true
}

/** The bytes of a page that another image of it has otherwise: from `first` to before `end`. Empty when `first` is `end` or more. */
export interface ByteRange {
  first: number
  end: number
}

/**
 * Finds where two images of a page begin and cease to differ, within bounds.
 *
 * @param bounds - only these bytes are looked at; narrowed to what differs, or emptied
 */
export function narrowToDifference(a: Uint8Array, b: Uint8Array, bounds: ByteRange): void {
  let { first, end } = bounds
  const [wordsA, wordsB] = [wordsOf(a), wordsOf(b)]
  if (wordsA !== undefined && wordsB !== undefined) {
    while (first < end && (first & 3) !== 0 && a[first] === b[first]) first++
    if ((first & 3) === 0) first = Math.min(end, firstWordThatDiffers(wordsA, wordsB, first >>> 2, end >>> 2) << 2)
    while (end > first && (end & 3) !== 0 && a[end - 1] === b[end - 1]) end--
    if ((end & 3) === 0) {
      let word = end >>> 2
      while (word << 2 > first && wordsA[word - 1] === wordsB[word - 1]) word--
      end = Math.max(first, word << 2)
    }
  }
  while (first < end && a[first] === b[first]) first++
  while (end > first && a[end - 1] === b[end - 1]) end--
  bounds.first = first
  bounds.end = end
}

function firstWordThatDiffers(a: Int32Array, b: Int32Array, start: number, end: number): number {
  let at = start
  // Four at a time: this loop goes over most of each page that is compared.
  for (; at + 4 <= end; at += 4) {
    if (((a[at]! ^ b[at]!) | (a[at + 1]! ^ b[at + 1]!) | (a[at + 2]! ^ b[at + 2]!) | (a[at + 3]! ^ b[at + 3]!)) !== 0) break
  }
  while (at < end && a[at] === b[at]) at++
  return at
}

/** The same bytes as words, when they lie where words may. */
function wordsOf(bytes: Uint8Array): Int32Array | undefined {
  if ((bytes.byteOffset & 3) !== 0) return undefined
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2)
}
