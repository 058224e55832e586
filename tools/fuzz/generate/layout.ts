/** A database as an application may have made it. */
export interface Layout {
  readonly pageSize: number
  readonly autoVacuum: 'none' | 'full' | 'incremental'
  readonly encoding: 'UTF-8' | 'UTF-16le' | 'UTF-16be'
}

export const PAGE_SIZES: readonly number[] = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536]
export const AUTO_VACUUMS: readonly Layout['autoVacuum'][] = ['none', 'full', 'incremental']
export const ENCODINGS: readonly Layout['encoding'][] = ['UTF-8', 'UTF-16le', 'UTF-16be']

/** The n-th of all layouts: eight in a row have all page sizes. */
export function layoutOf(n: number): Layout {
  return {
    pageSize: PAGE_SIZES[n % 8]!,
    autoVacuum: AUTO_VACUUMS[n % 3]!,
    encoding: ENCODINGS[Math.floor(n / 3) % 3]!,
  }
}

/** What makes an empty database of such a layout. */
export function pragmasOf({ pageSize, autoVacuum, encoding }: Layout): string {
  return `PRAGMA page_size = ${pageSize}; PRAGMA auto_vacuum = ${autoVacuum}; PRAGMA encoding = '${encoding}'`
}
