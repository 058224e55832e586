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
  const [wordsA, wordsB] = [wordsOf(a), wordsOf(b)]
  let { first, end } = bounds
  if (wordsA !== undefined && wordsB !== undefined) {
    let word = (first + 3) >>> 2
    const lastWord = end >>> 2
    while (first < end && (first & 3) !== 0 && a[first] === b[first]) first++
    if ((first & 3) === 0) {
      while (word < lastWord && wordsA[word] === wordsB[word]) word++
      first = Math.min(end, word << 2)
    }
    while (first < end && a[first] === b[first]) first++
    while (end > first && (end & 3) !== 0 && a[end - 1] === b[end - 1]) end--
    if ((end & 3) === 0) {
      word = end >>> 2
      while (word << 2 > first && wordsA[word - 1] === wordsB[word - 1]) word--
      end = Math.max(first, word << 2)
    }
  }
  while (first < end && a[first] === b[first]) first++
  while (end > first && a[end - 1] === b[end - 1]) end--
  bounds.first = first
  bounds.end = end
}

/** The same bytes as words, when they lie where words may. */
function wordsOf(bytes: Uint8Array): Int32Array | undefined {
  if ((bytes.byteOffset & 3) !== 0) return undefined
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2)
}
