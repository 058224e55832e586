import type { Disk } from './disk.ts'

/**
 * Descriptors on live databases and their `-shm` files, kept for the life of the process.
 *
 * POSIX drops all of a process's locks on a file when *any* of its descriptors on that file is closed, also one that a
 * library closed for you. SQLite's locks on a database that is open elsewhere in the process would be gone with no error
 * anywhere, and with them the database (sqlite.org/howtocorrupt.html, 2.2). So a file is opened once per process and
 * never closed; the same file gives the same descriptor.
 *
 * A worker thread closes the descriptors that it opened when it ends. So the main thread opens them and hands the numbers
 * to its workers (`adopt`), or the worker is made with `trackUnmanagedFds: false`.
 */
export interface HeldFiles {
  /** The descriptor for a file that exists, for reading and writing. */
  hold(path: string): number
  /** Takes over a descriptor that another thread of this process holds. */
  adopt(path: string, fd: number): void
}

/** The process's own (in a worker: the thread's own) table of held files. */
export function heldFiles(disk: Disk): HeldFiles {
  const tables = globalThis as { [TABLE]?: Map<string, number> }
  const table = (tables[TABLE] ??= new Map<string, number>())
  return {
    hold(path) {
      const id = identityOf(disk, path)
      const known = table.get(id)
      if (known !== undefined) return known
      const fd = disk.open(path, 'write')
      table.set(id, fd)
      return fd
    },
    adopt(path, fd) {
      table.set(identityOf(disk, path), fd)
    },
  }
}

const TABLE = Symbol.for('@stemma/storage held files')

function identityOf(disk: Disk, path: string): string {
  return disk.stat(path)?.id ?? path
}
