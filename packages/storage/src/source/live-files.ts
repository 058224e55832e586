import { StemmaError } from '@stemma/base'
import type { Disk } from '../disk/disk.ts'
import { heldFiles } from '../disk/held-files.ts'
import type { LiveFiles } from './page-reader.ts'

/** Opens the files of a database that a connection of this process has open. Only `wal` is ever to be closed. */
export function openLiveFiles(disk: Disk, database: string): LiveFiles {
  const held = heldFiles(disk)
  return { database: held.hold(database), shm: held.hold(`${database}-shm`), wal: disk.open(`${database}-wal`, 'read') }
}

/** Notices when somebody puts other files in the place of those that are followed. */
export class FilesCheck {
  readonly #disk: Disk
  readonly #database: string
  readonly #ids: readonly (string | undefined)[]
  #checkedAt = 0

  constructor(disk: Disk, database: string) {
    this.#disk = disk
    this.#database = database
    this.#ids = this.#look()
  }

  /**
   * Looks, at most once a second.
   *
   * @returns an error DATABASE_REPLACED when one of the files is another one now, or gone
   */
  check(): StemmaError | undefined {
    const now = performance.now()
    if (now - this.#checkedAt < DELAY) return undefined
    this.#checkedAt = now
    if (this.#look().every((id, i) => id === this.#ids[i])) return undefined
    const database = this.#database
    return new StemmaError('DATABASE_REPLACED', `${database} or its -wal or -shm file is another file now`, { database })
  }

  #look(): (string | undefined)[] {
    return ['', '-wal', '-shm'].map((suffix) => this.#disk.stat(`${this.#database}${suffix}`)?.id)
  }
}

const DELAY = 1000
