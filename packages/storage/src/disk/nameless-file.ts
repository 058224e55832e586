import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Disk } from './disk.ts'

/** Makes a file in a folder and takes its name away: nobody else can open it, and it is gone when the process is. */
export function openNamelessFile(disk: Disk, folder: string): number {
  const path = join(folder, `.stemma-${randomBytes(8).toString('hex')}`)
  const fd = disk.open(path, 'create')
  try {
    disk.remove(path)
  } catch (error) {
    disk.close(fd)
    throw error
  }
  return fd
}
