import type { StatementPolicy } from '@stemma/format-statement'
import type { ListenTls, Token } from '@stemma/transport'
import type { Retention } from '@stemma/storage'
import type { FormatLimits } from './format-guard.ts'

/** How a leader's engine is to be opened: plain values, so that they can be sent to its thread. */
export interface LeaderEngineOptions {
  /** Path of the database. */
  readonly database: string
  /** Where to listen, `tcp://host:port`, or with `tls`, `ws` or `wss`; port 0 takes a free one. Null listens nowhere. */
  readonly listen: string | null
  /** Names of the formats whose logs are kept. */
  readonly formats: readonly string[]
  readonly rowImage: 'full' | 'changed'
  /** What the format `statement` does with statements that are not safe to run again. */
  readonly policy: StatementPolicy
  /** Where the program of this process leaves its statements; undefined when there is none, or when no format asks for them. */
  readonly journal?: StatementJournalPlace
  /** Demanded of whoever connects. Needed where others than this machine can connect. */
  readonly token?: Token
  /** Needed for `tls://` and `wss://`. */
  readonly tls?: ListenTls
  /** Listens beyond this machine without TLS. */
  readonly insecure?: boolean
  /**
   * `synced`: followers get a commit when it would outlive a power cut of the leader. `immediate`: as soon as it is seen; after a
   * power cut a follower may then hold a commit that the leader lost, which is found and mended when it connects again.
   */
  readonly ship: 'synced' | 'immediate'
  readonly retention: Retention
  /** How long formats of others may take. */
  readonly formatLimits?: FormatLimits
  /** Switches a database to WAL mode that isn't in it. */
  readonly convertToWal: boolean
  /** The writer's gate, when the writer is in this process. */
  readonly gate?: SharedArrayBuffer
  /** Descriptors that another thread of this process holds on the database's files: path and number. */
  readonly held?: readonly (readonly [path: string, fd: number])[]
}

/** A journal of statements, as the engine's thread is told of it. */
export interface StatementJournalPlace {
  readonly memory: SharedArrayBuffer
  /** Of the program, as IANA names it. */
  readonly timeZone: string
  /** True when the program runs on another thread than the engine. */
  readonly isShared: boolean
}
