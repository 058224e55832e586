import { randomBytes } from 'node:crypto'

/** Two words for the header of a new WAL. */
export function randomSalts(): readonly [number, number] {
  const bytes = randomBytes(8)
  return [bytes.readUInt32BE(0), bytes.readUInt32BE(4)]
}
