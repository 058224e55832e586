import { StemmaError, checksum32 } from '@stemma/base'
import type { Disk } from '../disk/disk.ts'
import { PLACE_SIZE, decodePlace, encodePlace, type NotedPlace } from './copy-place.ts'

/** Places that are kept; older ones are overwritten. */
export const RING_PLACES = 1024

const HEADER = new TextEncoder().encode('Stemma places 1\n')
const HEADER_SIZE = 128
/** A place, its number and a checksum. */
const SLOT_SIZE = PLACE_SIZE + 16

/** The path of the file in which a copy's places are noted. */
export function placesPath(database: string): string {
  return `${database}-stemma-places`
}

/**
 * The last places of a copy, in a file of its own, since one is noted for each group of entries: a write of 88 bytes, where a
 * row in the sidecar costs ten times as much.
 *
 *     offset  size
 *          0   128   "Stemma places 1\n", zeros
 *        128    88   slot 0: a place (72), its number from 1 (8, a double), 4 zeros, checksum of the 84 bytes before (4)
 *        216    88   slot 1, and so on: place n stands in slot n % 1024
 *
 * A slot that is torn has a wrong checksum and counts as empty.
 */
export class PlaceRing {
  readonly #disk: Disk
  readonly #file: number
  #last = 0
  readonly #bytes = new Uint8Array(RING_PLACES * SLOT_SIZE)

  /** @throws StemmaError NOT_A_SIDECAR when the file is something else */
  constructor(disk: Disk, database: string) {
    const path = placesPath(database)
    this.#disk = disk
    const isNew = disk.stat(path) === undefined
    this.#file = disk.open(path, 'create')
    try {
      if (isNew || isBlank(disk, this.#file)) {
        const header = new Uint8Array(HEADER_SIZE)
        header.set(HEADER)
        disk.write(this.#file, header, 0)
        // Before any place: a file that has places and no header would be taken for somebody else's.
        disk.sync(this.#file)
        disk.syncFolderOf(path)
      }
      const { last } = readRing(disk, this.#file, path)
      this.#last = last
    } catch (error) {
      disk.close(this.#file)
      throw error
    }
  }

  /** Notes places, oldest first. Not durable before `sync`. */
  note(places: readonly NotedPlace[]): void {
    // More than the ring holds are never noted at once; if they were, the newest count.
    const kept = places.slice(-RING_PLACES)
    let number = this.#last + (places.length - kept.length)
    let at = 0
    let offset = offsetOf(number + 1)
    for (const place of kept) {
      number++
      if (offsetOf(number) !== offset + at) {
        this.#disk.write(this.#file, this.#bytes.subarray(0, at), offset)
        offset = offsetOf(number)
        at = 0
      }
      encodeSlot(this.#bytes, at, place, number)
      at += SLOT_SIZE
    }
    if (at > 0) this.#disk.write(this.#file, this.#bytes.subarray(0, at), offset)
    this.#last = number
  }

  /** Places that are kept, newest first. */
  read(): NotedPlace[] {
    return readRing(this.#disk, this.#file, '').places
  }

  sync(): Promise<void> {
    return this.#disk.syncInBackground(this.#file)
  }

  syncNow(): void {
    this.#disk.sync(this.#file)
  }

  close(): void {
    this.#disk.close(this.#file)
  }
}

/** Reads the places of a copy that another process may have open; none when there is no such file. */
export function readPlaces(disk: Disk, database: string): NotedPlace[] {
  const path = placesPath(database)
  if (disk.stat(path) === undefined) return []
  const file = disk.open(path, 'read')
  try {
    return readRing(disk, file, path).places
  } finally {
    disk.close(file)
  }
}

function readRing(disk: Disk, file: number, path: string): { readonly places: NotedPlace[]; readonly last: number } {
  const bytes = new Uint8Array(HEADER_SIZE + RING_PLACES * SLOT_SIZE)
  const size = disk.read(file, bytes, 0)
  if (HEADER.some((byte, i) => bytes[i] !== byte))
    throw new StemmaError('NOT_A_SIDECAR', `${path} was not made by this Stemma`, { path })
  const view = new DataView(bytes.buffer)
  const found: { readonly number: number; readonly place: NotedPlace }[] = []
  for (let at = HEADER_SIZE; at + SLOT_SIZE <= size; at += SLOT_SIZE) {
    const number = view.getFloat64(at + PLACE_SIZE, true)
    if (number === 0 || view.getUint32(at + SLOT_SIZE - 4, true) !== checksum32(bytes.subarray(at, at + SLOT_SIZE - 4))) continue
    found.push({ number, place: decodePlace(view, at) })
  }
  found.sort((a, b) => b.number - a.number)
  return { places: found.map(({ place }) => place), last: found[0]?.number ?? 0 }
}

/** Nothing was written yet, or a power cut took it. */
function isBlank(disk: Disk, file: number): boolean {
  const header = new Uint8Array(HEADER_SIZE)
  disk.read(file, header, 0)
  return header.every((byte) => byte === 0)
}

function offsetOf(number: number): number {
  return HEADER_SIZE + (number % RING_PLACES) * SLOT_SIZE
}

function encodeSlot(bytes: Uint8Array, at: number, place: NotedPlace, number: number): void {
  const view = new DataView(bytes.buffer, at, SLOT_SIZE)
  bytes.fill(0, at, at + SLOT_SIZE)
  encodePlace(view, 0, place)
  view.setFloat64(PLACE_SIZE, number, true)
  view.setUint32(SLOT_SIZE - 4, checksum32(bytes.subarray(at, at + SLOT_SIZE - 4)), true)
}
