import type { EntryDescription } from '@stemma/log'
import { applyPayload, isCompressed, pageSizeOf } from './apply.ts'
import { FRESH, RAW, type PageMode } from './ops.ts'

/** No more pages than these get a line of their own. */
const PAGES_TOLD = 256
/** No more places of one page than these are told. */
const RANGES_TOLD = 8

/** Explains a payload to people. It is applied to a page that stands for all pages, and watched. */
export function describePayload(payload: Uint8Array): EntryDescription {
  const pageSize = pageSizeOf(payload)
  const page = new Uint8Array(pageSize)
  const details: string[] = []
  let pages = 0
  let pageCount = 0
  let changed = new Changes()
  applyPayload(
    payload,
    {
      pageSize,
      page: () => page,
      expect() {},
      setPageCount(count) {
        pageCount = count
      },
    },
    {
      operation: (kind, from, to) => changed.add(kind, from, to),
      page(pageNumber, mode, payloadBytes) {
        pages++
        if (pages <= PAGES_TOLD) details.push(`page ${pageNumber}: ${changed.show(mode, pageSize)}; takes ${payloadBytes} bytes`)
        changed = new Changes()
      },
    },
  )
  if (pages > PAGES_TOLD) details.push(`and ${pages - PAGES_TOLD} pages more`)
  details.push(`the database then has ${pageCount} pages of ${pageSize} bytes`)
  const how = isCompressed(payload) ? ', compressed' : ''
  return { summary: `${pages} ${pages === 1 ? 'page' : 'pages'}, ${payload.byteLength} bytes${how}`, details }
}

/** What changed in one page. */
class Changes {
  #written = 0
  #moved = 0
  readonly #ranges: string[] = []
  #rangesMore = 0

  add(kind: 'keep' | 'literal' | 'move' | 'ladder' | 'borrow', from: number, to: number): void {
    if (kind === 'keep') return
    if (kind === 'literal' || kind === 'ladder') this.#written += to - from
    else this.#moved += to - from
    if (this.#ranges.length < RANGES_TOLD) this.#ranges.push(`${from}..${to - 1}`)
    else this.#rangesMore++
  }

  show(mode: PageMode, pageSize: number): string {
    if (mode === RAW) return `all ${pageSize} bytes`
    const parts = [`${this.#written} bytes written`]
    if (this.#moved > 0) parts.push(`${this.#moved} moved`)
    const start = mode === FRESH ? 'new, ' : ''
    if (this.#ranges.length === 0) return `${start}nothing changed`
    const more = this.#rangesMore > 0 ? ` and ${this.#rangesMore} more` : ''
    return `${start}${parts.join(', ')} at ${this.#ranges.join(' ')}${more}`
  }
}
