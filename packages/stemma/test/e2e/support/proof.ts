import { betterSqlite3, digestDatabase, nodeDisk } from '@stemma/storage'
import Database from 'better-sqlite3'
import { expect } from 'vitest'

/** All pages of a database at one moment, whoever uses it. */
export async function pagesOf(path: string): Promise<{ digest: bigint; pageCount: number; pages: ReadonlyMap<number, Buffer> }> {
  const pages = new Map<number, Buffer>()
  const { digest, pageCount } = await digestDatabase(path, {
    driver: betterSqlite3,
    disk: nodeDisk,
    page: (pageNumber, bytes) => void pages.set(pageNumber, Buffer.from(bytes)),
  })
  return { digest, pageCount, pages }
}

/**
 * Two databases that nobody writes to at the moment are the same, byte for byte, and SQLite finds the copy sound. The checks
 * don't share code: pages are compared as bytes, then rows as SQLite reads them.
 */
export async function expectEqual(leader: string, copy: string): Promise<void> {
  const [ours, theirs] = [await pagesOf(leader), await pagesOf(copy)]
  expect(theirs.pageCount, 'page counts').toBe(ours.pageCount)
  const differing = [...ours.pages].filter(([number, page]) => !page.equals(theirs.pages.get(number) ?? Buffer.alloc(0)))
  expect(
    differing.map(([number]) => number),
    'pages that differ',
  ).toEqual([])
  expect(theirs.digest, 'digests').toBe(ours.digest)
  expectSound(copy)
}

/** SQLite finds a database sound. */
export function expectSound(path: string): void {
  const reader = new Database(path, { readonly: true })
  try {
    expect(reader.pragma('integrity_check', { simple: true })).toBe('ok')
    expect(reader.pragma('foreign_key_check')).toEqual([])
  } finally {
    reader.close()
  }
}
