import type { Milliseconds } from '@stemma/base'
import type { LogFormat } from '@stemma/log'
import { peersOf, type Leader, type PeerPhase } from '@stemma/protocol'
import { betterSqlite3, type LogStore, type Place } from '@stemma/storage'
import { showDigest, type FollowerStatus, type FormatWork, type NodeStatus } from '../status.ts'

interface StatusParts {
  readonly database: string
  readonly log: LogStore
  readonly formats: readonly LogFormat[]
  readonly place: Place
  readonly leader: Leader
  readonly walBytes: number
  readonly work: readonly FormatWork[]
  readonly now: Milliseconds
}

/** What a leader says about itself. */
export function leaderStatus({ database, log, formats, place, leader, walBytes, work, now }: StatusParts): NodeStatus {
  return {
    role: 'leader',
    database,
    cluster: log.cluster,
    node: log.node,
    position: place.position,
    digest: showDigest(place.digest),
    formats: formats.map(({ name, version }) => `${name}/${version}`),
    sqlite: sqliteVersion(),
    walBytes,
    logBytes: log.size().bytes,
    work,
    followers: peersOf(leader)
      .filter(({ phase }) => phase !== 'greeting' && phase !== 'visiting')
      .map((peer): FollowerStatus => {
        const { acks } = peer
        const commits = place.position.sequence - (acks?.applied.sequence ?? 0)
        const behindSince = commits === 0 ? undefined : log.entryAt(peer.format, (acks?.applied.sequence ?? 0) + 1)?.committedAt
        return {
          node: peer.node,
          name: peer.name,
          peer: peer.address,
          format: peer.format,
          state: peer.wants === 'feed' && peer.phase === 'following' ? 'feed' : STATES[peer.phase],
          received: acks?.received,
          durable: acks?.durable,
          applied: acks?.applied,
          lag: { commits, seconds: behindSince === undefined ? 0 : Math.max(0, now - behindSince) / 1000 },
          heardAt: peer.heardAt,
        }
      }),
  }
}

const STATES: Readonly<Record<PeerPhase, FollowerStatus['state']>> = {
  greeting: 'connecting',
  visiting: 'connecting',
  welcomed: 'connecting',
  checking: 'connecting',
  copying: 'snapshot',
  following: 'following',
}

let version: string | undefined

/** The version of the SQLite library that this process uses. */
export function sqliteVersion(): string {
  if (version === undefined) {
    const connection = betterSqlite3.open(':memory:', { mustExist: false })
    version = String(connection.prepare('SELECT sqlite_version() AS version').get()?.['version'])
    connection.close()
  }
  return version
}
