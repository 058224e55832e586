import { StemmaError, type Position } from '@stemma/base'
import { betterSqlite3, digestDatabase, nodeDisk, openLogStore, readKeptPlaces, sidecarPath } from '@stemma/storage'
import { readLogicalNote } from './logical-facts.ts'
import { sqliteVersion } from './leader/leader-status.ts'
import { askStatus, type AskStatusOptions } from './ask-status.ts'
import { type NodeStatus, showDigest } from './status.ts'

/** The digest of a database at one moment. */
export interface DigestFacts {
  readonly digest: bigint
  /** Bytes. */
  readonly pageSize: number
  readonly pageCount: number
  /** Undefined when Stemma does not know the database, or knows another state of it. */
  readonly position: Position | undefined
}

const PORTS = { driver: betterSqlite3, disk: nodeDisk } as const

/**
 * Computes the digest of any database, also while it is in use, and finds its position if Stemma knows it.
 *
 * @throws StemmaError NO_DATABASE, NOT_A_DATABASE, DATABASE_BUSY, CANNOT_OPEN, DAMAGED_FILE and errors of the sidecar
 */
export async function digestOf(database: string): Promise<DigestFacts> {
  const before = readLogicalNote(database)
  const { digest, pageSize, pageCount } = await digestDatabase(database, PORTS)
  if (before !== undefined) {
    // Of its own pages, which are nobody else's. Somebody may have brought it on meanwhile.
    const { position } = before.place
    const isStill = readLogicalNote(database)?.place.position.sequence === position.sequence
    return { digest, pageSize, pageCount, position: isStill ? position : undefined }
  }
  return { digest, pageSize, pageCount, position: placesOf(database).find((place) => place.digest === digest)?.position }
}

/** A leader on this machine that does not answer within this time is taken for gone, in milliseconds. */
const ANSWER_MS = 2_000

/**
 * Says what is known of a database on this machine, whether or not anybody serves or follows it now. A leader that is at work is
 * asked, so that its followers are there too; `secrets` are what it wants of visitors.
 *
 * @throws StemmaError NO_LOG when Stemma does not know the database; and what `digestOf` throws
 */
export async function statusOf(database: string, secrets: Pick<AskStatusOptions, 'token' | 'tls'> = {}): Promise<NodeStatus> {
  const walBytes = nodeDisk.stat(`${database}-wal`)?.size ?? 0
  const common = { database, sqlite: sqliteVersion(), walBytes }
  const note = readLogicalNote(database)
  if (note !== undefined) {
    const { cluster, format, position, digest } = note.place
    const facts = { cluster, node: note.node, position, digest: showDigest(digest), formats: [format], logBytes: 0 }
    return { ...common, role: 'follower', ...facts }
  }
  const leader = unlessWrongRole(() => leaderFacts(database))
  if (leader !== undefined) {
    const { url, ...facts } = leader
    return (await askIfThere(url, facts.node, secrets)) ?? { ...common, ...facts }
  }

  const { node, places } = readKeptPlaces({ database, ...PORTS })
  const newest = places[0]
  const { digest } = newest === undefined ? { digest: undefined } : await digestDatabase(database, PORTS)
  const place = places.find((each) => each.digest === digest)
  return {
    ...common,
    role: 'follower',
    cluster: newest?.cluster ?? '',
    node,
    position: place?.position,
    digest: digest === undefined ? undefined : showDigest(digest),
    formats: newest === undefined ? [] : [newest.format],
    logBytes: 0,
  }
}

/** Undefined when nobody answers there, or somebody else. */
async function askIfThere(
  url: string,
  node: string,
  secrets: Pick<AskStatusOptions, 'token' | 'tls'>,
): Promise<NodeStatus | undefined> {
  if (url === '') return undefined
  try {
    const status = await askStatus({ url, ...secrets, signal: AbortSignal.timeout(ANSWER_MS) })
    return status.node === node ? status : undefined
  } catch {
    // It may have ended without a word, or wants a token that we don't have: what the files say is all there is.
    return undefined
  }
}

type LeaderFacts = Pick<NodeStatus, 'role' | 'cluster' | 'node' | 'position' | 'digest' | 'formats' | 'logBytes'> & {
  /** Where it listens; empty when it doesn't. */
  readonly url: string
}

function leaderFacts(database: string): LeaderFacts {
  const log = openLogStore({ database, ...PORTS, readOnly: true })
  try {
    const place = log.readPlace()
    const { bytes, formats } = log.size()
    return {
      role: 'leader',
      url: log.url,
      cluster: log.cluster,
      node: log.node,
      position: place?.position,
      digest: place === undefined ? undefined : showDigest(place.digest),
      formats: formats.map(({ format }) => format),
      logBytes: bytes,
    }
  } finally {
    log.close()
  }
}

interface KnownPlace {
  readonly digest: bigint
  readonly position: Position
}

function placesOf(database: string): readonly KnownPlace[] {
  if (nodeDisk.stat(sidecarPath(database)) === undefined) return []
  const leader = unlessWrongRole(() => {
    const log = openLogStore({ database, ...PORTS, readOnly: true })
    try {
      return log.readPlace()
    } finally {
      log.close()
    }
  })
  if (leader !== undefined) return [leader]
  return unlessWrongRole(() => readKeptPlaces({ database, ...PORTS }).places) ?? []
}

/** Undefined when the database is of another role. */
function unlessWrongRole<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (StemmaError.is(error, 'WRONG_ROLE')) return undefined
    throw error
  }
}
