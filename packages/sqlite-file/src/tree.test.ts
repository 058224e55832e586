import { StemmaError } from '@stemma/base'
import { expect, test } from 'vitest'
import { setUint16At, setUint32At } from './bytes.ts'
import { walkFreelist } from './freelist.ts'
import { readPayload } from './overflow.ts'
import type { Pages } from './pages.ts'
import { walkTree } from './tree.ts'

const PAGE_SIZE = 512

// Trees that no SQLite would write, made to hang or to exhaust whoever believes them.
test.each<[string, Record<number, Uint8Array>, string]>([
  ['a page that is its own child', { 2: interior(2, 2) }, 'its tree is deeper than 20 pages'],
  ['two pages that are each other’s children', { 2: interior(3, 3), 3: interior(2, 2) }, 'its tree is deeper than 20 pages'],
  [
    'a leaf that is a child a hundred times',
    { 2: interior(...Array<number>(100).fill(3)), 3: leaf([[1, 1]]) },
    'its tree has more pages than the database',
  ],
  ['an index under a table', { 2: interior(3), 3: leaf([], 10) }, 'it is index-leaf under table-interior'],
  ['an empty leaf that is no root', { 2: interior(3), 3: leaf([]) }, 'it is empty, but no root'],
  ['a page that is no tree', { 2: interior(3), 3: new Uint8Array(PAGE_SIZE) }, 'it is no B-tree page: it begins with 0'],
  ['a child beyond the end', { 2: interior(99) }, 'page 2 points to page 99, but there are 40 pages'],
  ['page 0 as a child', { 2: interior(0) }, 'page 2 points to page 0, but there are 40 pages'],
  ['a page that is cut short', { 2: interior(3), 3: leaf([]).subarray(0, 511) }, 'it has 511 bytes of 512'],
  [
    'cells that share a chain',
    {
      2: leaf([
        [8675, 3],
        [8675, 3],
        [8675, 3],
      ]),
      ...chain(3, 17),
    },
    'the payloads of its tree are larger than the database',
  ],
  ['a payload larger than the database', { 2: leaf([[1_000_000, 3]]) }, 'the payloads of its tree are larger than the database'],
  [
    'an overflow page that is its own next',
    { 2: leaf([[4000, 3]]), 3: overflow(3) },
    'it should be the last of its overflow chain, but names another',
  ],
  ['a chain that ends too early', { 2: leaf([[4000, 3]]), 3: overflow(0) }, 'page 3 points to page 0, but there are 40 pages'],
  ['a sound tree', { 2: interior(3, 4), 3: leaf([[1, 1]]), 4: leaf([[4000, 5]]), ...chain(5, 7) }, 'read: 1, 4000'],
])('%s', (_name, pages, want) => {
  expect(show(() => sizesOf(pagesFrom(pages)))).toBe(want)
})

test.each<[string, Record<number, Uint8Array>, number, string]>([
  ['a trunk that is its own next', { 3: trunk(3) }, 10, 'the freelist is longer than the 10 pages that the header counts'],
  [
    'a trunk with more leaves than fit',
    { 3: trunk(0, ...Array<number>(127).fill(5)) },
    40,
    'as a trunk of the freelist it names 127 pages',
  ],
  [
    'as many leaves as fit, the same one each time',
    { 3: trunk(0, ...Array<number>(126).fill(5)) },
    40,
    'the freelist is longer than the 40 pages that the header counts',
  ],
  ['more pages than the database', {}, 41, 'it counts 41 free pages of 40'],
  ['a leaf beyond the end', { 3: trunk(0, 41) }, 2, 'it names the free page 41, but there are 40 pages'],
  ['fewer pages than the header counts', { 3: trunk(0, 5) }, 3, 'the freelist is 1 pages shorter than the header counts'],
  ['a sound list', { 3: trunk(4, 5, 6), 4: trunk(0) }, 4, 'read: 5, 6'],
])('in the freelist, %s', (_name, pages, freelistCount, want) => {
  const walk = (): number[] =>
    Array.from(walkFreelist(pagesFrom(pages), { firstFreelistTrunk: 3, freelistCount }), ({ leaves }) => leaves).flat()
  expect(show(walk)).toBe(want)
})

function show(read: () => number[]): string {
  try {
    return `read: ${read().join(', ')}`
  } catch (error) {
    if (!StemmaError.is(error, 'DAMAGED_FILE')) throw error
    return String(error.details['why'])
  }
}

function sizesOf(pages: Pages): number[] {
  return Array.from(walkTree(pages, 2), ({ page, cell }) => readPayload(pages, page, cell).byteLength)
}

function pagesFrom(given: Record<number, Uint8Array>): Pages {
  const read = (pageNumber: number): Uint8Array => given[pageNumber] ?? new Uint8Array(PAGE_SIZE)
  return { pageSize: PAGE_SIZE, usableSize: PAGE_SIZE, pageCount: 40, read }
}

function interior(...children: number[]): Uint8Array {
  const cells = children.slice(0, -1).map((child) => {
    const cell = new Uint8Array(5)
    setUint32At(cell, 0, child)
    return cell
  })
  // A few cells may share their bytes: nobody can tell on the way down.
  const shared = cells.length > 50 ? cells.map(() => cells[0]!) : cells
  const page = treePage(5, shared)
  setUint32At(page, 8, children.at(-1)!)
  return page
}

/** A leaf of cells with payloads of these sizes, and these first overflow pages. */
function leaf(cells: readonly (readonly [size: number, firstOverflow: number])[], kind = 13): Uint8Array {
  return treePage(
    kind,
    cells.map(([size, firstOverflow], i) => {
      const most = PAGE_SIZE - 35
      const wanted = 39 + ((size - 39) % 508)
      const local = size <= most ? size : wanted <= most ? wanted : 39
      const header =
        size < 128
          ? [size, i]
          : size < 16_384
            ? [0x80 | (size >> 7), size & 0x7f, i]
            : [0x80 | (size >> 14), 0x80 | ((size >> 7) & 0x7f), size & 0x7f, i]
      const cell = new Uint8Array(header.length + local + 4)
      cell.set(header)
      setUint32At(cell, header.length + local, firstOverflow)
      return cell
    }),
  )
}

function treePage(kind: number, cells: readonly Uint8Array[]): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE)
  const pointers = kind === 5 || kind === 2 ? 12 : 8
  const placed = new Map<Uint8Array, number>()
  let content = PAGE_SIZE
  page[0] = kind
  setUint16At(page, 3, cells.length)
  for (const [i, cell] of cells.entries()) {
    if (!placed.has(cell)) {
      content -= cell.length
      page.set(cell, content)
      placed.set(cell, content)
    }
    setUint16At(page, pointers + 2 * i, placed.get(cell)!)
  }
  setUint16At(page, 5, content)
  return page
}

function overflow(next: number): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE)
  setUint32At(page, 0, next)
  return page
}

function chain(first: number, count: number): Record<number, Uint8Array> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [first + i, overflow(i + 1 < count ? first + i + 1 : 0)]))
}

function trunk(next: number, ...leaves: number[]): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE)
  setUint32At(page, 0, next)
  setUint32At(page, 4, leaves.length)
  for (const [i, leafPage] of leaves.slice(0, 126).entries()) setUint32At(page, 8 + 4 * i, leafPage)
  return page
}
