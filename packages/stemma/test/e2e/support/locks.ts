import { existsSync, readFileSync, statSync } from 'node:fs'

/** Whether this machine tells of locks. */
export const TELLS_LOCKS: boolean = existsSync('/proc/locks')

/** The locks that this process holds on a file: kind, first and last byte. */
export function locksOn(path: string): readonly string[] {
  const inode = String(statSync(path).ino)
  return readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[4] === String(process.pid) && fields[5]?.split(':')[2] === inode)
    .map((fields) => [fields[3], ...fields.slice(6)].join(' '))
    .toSorted()
}
