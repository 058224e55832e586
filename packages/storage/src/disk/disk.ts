import {
  closeSync,
  constants,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  statSync,
  statfsSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

/**
 * Every call that Stemma itself makes to the file system goes through here, so that a test can make any of them fail,
 * and can lose what was not synced. (What SQLite does, it does by itself.)
 *
 * Offsets and lengths are in bytes. Calls throw Node's errors as they are.
 */
export interface Disk {
  /** Opens for reading and writing, or for reading. `create` makes the file when there is none, for the owner's eyes only. */
  open(path: string, mode: 'read' | 'write' | 'create'): number
  /** Never for a descriptor on a live database or its `-shm`: see `HeldFiles`. */
  close(fd: number): void
  /** Reads as much as there is, up to the buffer's length; gives the number of bytes read. */
  read(fd: number, into: Uint8Array, offset: number): number
  /** Writes all of the bytes, or throws. */
  write(fd: number, bytes: Uint8Array, offset: number): void
  size(fd: number): number
  truncate(fd: number, size: number): void
  /** Returns when what was written to the file is on its medium. */
  sync(fd: number): void
  /** The same off this thread. */
  syncInBackground(fd: number): Promise<void>
  /** Undefined when there is no such file. */
  stat(path: string): FileIdentity | undefined
  /** The absolute path of a file without symbolic links; undefined when there is no such file. */
  realPath(path: string): string | undefined
  /** The number by which the operating system calls the kind of file system that a file is on; see statfs(2). */
  fileSystemType(path: string): number
  rename(from: string, to: string): void
  /** Removes a file; no error when there is none. */
  remove(path: string): void
  /** Makes names in a file's folder durable, after a file was made, renamed or removed in it. */
  syncFolderOf(path: string): void
}

/** Which file this is, under whatever name it was opened. */
export interface FileIdentity {
  /** The same for two names of one file, and different for two files. */
  readonly id: string
  readonly size: number
}

const FLAGS = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT,
} as const

/** The real file system. */
export const nodeDisk: Disk = {
  open(path, mode) {
    return openSync(path, FLAGS[mode], 0o600)
  },
  close: closeSync,
  read(fd, into, offset) {
    let done = 0
    while (done < into.byteLength) {
      const n = readSync(fd, into, done, into.byteLength - done, offset + done)
      if (n === 0) break
      done += n
    }
    return done
  },
  write(fd, bytes, offset) {
    let done = 0
    while (done < bytes.byteLength) {
      done += writeSync(fd, bytes, done, bytes.byteLength - done, offset + done)
    }
  },
  size: (fd) => fstatSync(fd).size,
  truncate: ftruncateSync,
  sync: fdatasyncSync,
  syncInBackground(fd) {
    return new Promise((resolve, reject) => fdatasync(fd, (error) => (error ? reject(error) : resolve())))
  },
  stat(path) {
    const stat = statSync(path, { throwIfNoEntry: false, bigint: true })
    return stat && { id: `${stat.dev}:${stat.ino}`, size: Number(stat.size) }
  },
  realPath(path) {
    try {
      return realpathSync(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  },
  fileSystemType: (path) => statfsSync(path).type >>> 0,
  rename: renameSync,
  remove(path) {
    try {
      unlinkSync(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  },
  syncFolderOf(path) {
    const fd = openSync(dirname(path), 'r')
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  },
}
