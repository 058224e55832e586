import { StemmaError } from '@stemma/base'

/**
 * True for the versions of SQLite, 3.7.0 to 3.51.2, in which a checkpoint that meets a restart of the WAL can lose
 * pages; but for those to which the mending was brought back, 3.44.6 and 3.50.7 and what came after them in their lines.
 *
 * @see https://sqlite.org/wal.html#walresetbug
 */
export function losesPages(version: string): boolean {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)/.exec(version)?.map(Number) ?? []
  if (major !== 3 || minor === undefined || patch === undefined) return false
  if (minor === 44) return patch < 6
  if (minor === 50) return patch < 7
  if (minor === 51) return patch < 3
  return minor >= 7 && minor < 51
}

/** @throws StemmaError SQLITE_VERSION when this version can lose pages */
export function checkSqliteVersion(version: string): void {
  if (losesPages(version)) throw new StemmaError('SQLITE_VERSION', `SQLite ${version} has the WAL-reset bug`, { version })
}
