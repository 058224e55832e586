import type { ErrorCode } from './error-code.ts'
import type { ErrorEntry, Recovery } from './recovery.ts'

/** What each code means for the caller. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorEntry>> = {
  BAD_ARGUMENT: {
    recovery: 'fix-input',
    hint: 'Correct the argument that the message names. `stemma help <command>` lists what each command takes.',
  },
  UNKNOWN_FORMAT: {
    recovery: 'fix-input',
    hint: 'Use one of the formats that the message lists; a module is named by a path (`./my-format.js`) or as a package (`@acme/format-avro`).',
  },
  BAD_FORMAT: {
    recovery: 'fix-input',
    hint: 'The module has to export a log format, as `format` or by default: see `LogFormat` of @stemma/log. The message says what is missing.',
  },
  FORMAT_FEED_ONLY: {
    recovery: 'fix-input',
    hint: 'No copy can be made by this format. Read it by `stemma changes --format`, and follow by another: `--format wal`, `--format row`.',
  },
  FORMAT_FAILED: {
    recovery: 'resync',
    hint: 'The log format failed at this commit, which is a bug in it: report it to its authors. Followers by it take a snapshot here; all others go on.',
  },
  FORMAT_SUSPENDED: {
    recovery: 'fix-input',
    hint: 'The log format took so long that it held up the leader, which leaves it out until it is opened again. Report it to its authors; followers by it stop: start them with another format. All others go on.',
  },
  CLOSED: {
    recovery: 'fix-input',
    hint: 'This leader or follower was closed before the call. Open it again, or call before closing.',
  },
  UNEXPECTED: {
    recovery: 'stop',
    hint: 'If the message does not tell what is wrong with this machine, this is a bug in Stemma: please report it with the stack.',
  },
  THREAD_DIED: {
    recovery: 'stop',
    hint: 'The thread that replicates ended by itself, perhaps for lack of memory. The database is whole; open the leader or follower again.',
  },
  WAIT_TIMEOUT: {
    recovery: 'retry',
    hint: 'The commit is safe on the leader; only the followers were not there in time. Look at `stemma status` for who is behind.',
  },
  REPLICA_READ_ONLY: {
    recovery: 'fix-input',
    hint: 'A follower is a copy and takes no writes. Write to the leader that the message names.',
  },
  DAMAGED_FILE: {
    recovery: 'stop',
    hint: 'Run `PRAGMA integrity_check` on the database with the sqlite3 program. A damaged replica can be deleted and followed anew.',
  },
  DAMAGED_ENTRY: {
    recovery: 'resync',
    hint: 'These bytes are not what the leader wrote. The follower fetches them again; if it happens repeatedly, check disk, memory and network.',
  },
  ENVELOPE_VERSION: {
    recovery: 'stop',
    hint: 'A newer Stemma wrote this log. Upgrade this end.',
  },
  WAL_VERSION: {
    recovery: 'stop',
    hint: 'Only WAL version 3007000 exists today. Check that the file is a SQLite -wal or -shm file, and upgrade Stemma if SQLite is newer.',
  },
  NOT_A_REPLICA: {
    recovery: 'fix-input',
    hint: 'Stemma did not make this file and will not overwrite it. Give another path, or move the file away. If it is an older copy of the same database, allow its use: `adopt: true`.',
  },
  REPLICA_DIFFERS: {
    recovery: 'resync',
    hint: 'The copy is not what the leader had here: its file was changed or damaged. The pages that differ are fetched again by themselves; if it repeats, check the disk and the memory of this machine.',
  },
  REPLICA_WRITTEN: {
    recovery: 'resync',
    hint: 'Another program wrote to the copy while Stemma was not looking. What it wrote is undone by the next snapshot; open copies read-only.',
  },
  REPLICA_FULL: {
    recovery: 'retry',
    hint: 'The disk of the copy is full. The copy is whole and goes on by itself once there is room.',
  },
  REPLICA_FAILED: {
    recovery: 'retry',
    hint: 'A file of the copy could not be read or written; the message says which call failed. The copy is whole as far as it came; it goes on once the cause is gone.',
  },
  ENTRY_GAP: {
    recovery: 'retry',
    hint: 'Entries are missing between what the copy has and these. The follower asks for them again.',
  },
  SNAPSHOT_NEEDED: {
    recovery: 'resync',
    hint: 'Entries alone do not lead from what the copy has to the leader. The follower takes a snapshot by itself.',
  },
  ROWS_UNKNOWN: {
    recovery: 'resync',
    hint: 'This commit can not be told as rows; the message says why. Followers by rows take a snapshot here by themselves; followers by pages go on.',
  },
  ROW_DIFFERS: {
    recovery: 'stop',
    hint: 'Somebody wrote to the copy, or a bug did. Look at the two rows; then take a new snapshot by `stemma follow --resync`, or go on over differences by `--on-difference force`.',
  },
  STATEMENTS_UNKNOWN: {
    recovery: 'retry',
    hint: 'The text of this commit is not at hand: another program made it, or it was lost in a crash. It travels as rows.',
  },
  STATEMENT_DIFFERS: {
    recovery: 'stop',
    hint: 'Run again on the copy, the statement did something else than on the leader. Look at both outcomes; then take a new snapshot by `stemma follow --resync`, and send such statements as rows: policy `mixed`.',
  },
  STATEMENT_REFUSED: {
    recovery: 'fix-input',
    hint: 'The policy `reject` lets no statement pass that may do something else on a copy. The message says why, and what to write instead; nothing was changed.',
  },
  STATEMENTS_UNSEEN: {
    recovery: 'fix-input',
    hint: 'Statements are only seen by the program that runs them: write through `leader.database` of `openLeader`. A server beside the program can send rows: `--format row`, or `--statements-as-rows`.',
  },
  SQLITE_VERSION_DIFFERS: {
    recovery: 'fix-input',
    hint: 'Statements may do something else under another version of SQLite. Run the same version of Stemma on both sides, or follow by rows or pages: `--format row`, `--format wal`.',
  },
  WRONG_COPY_KIND: {
    recovery: 'fix-input',
    hint: 'A copy is followed either by pages (format wal) or by rows (format row). Follow it by the format that made it, or give the path of a new copy.',
  },
  MISSING_FUNCTION: {
    recovery: 'stop',
    hint: 'An index of the leader uses a function or collation of the program that writes it, which a copy by rows has to compute and can not. Follow by pages (format wal), where nothing is computed.',
  },
  SNAPSHOT_DAMAGED: {
    recovery: 'resync',
    hint: 'The pages that came are not the snapshot that was promised. The copy is as it was; the snapshot is fetched again.',
  },
  SNAPSHOT_UNSOUND: {
    recovery: 'stop',
    hint: "The leader's database is damaged, or somebody else answers in its place. The copy is as it was. Run `PRAGMA integrity_check` on the leader.",
  },
  NOT_STEMMA: {
    recovery: 'fix-input',
    hint: "Something else answers there, or one end speaks TLS and the other doesn't. Check host and port, and whether both ends have an address that begins with the same of tcp://, tls://, ws:// and wss://.",
  },
  TRANSPORT_VERSION: {
    recovery: 'stop',
    hint: "The two ends speak different versions of Stemma's transport. Upgrade the older one.",
  },
  AUTHENTICATION_FAILED: {
    recovery: 'fix-input',
    hint: 'Both ends need the same token. Compare the token files (or environment variables); a line break at the end counts.',
  },
  TLS_REFUSED: {
    recovery: 'fix-input',
    hint: 'The message names what is wrong with the certificate. Check its dates, its names, and that this end was given the CA that signed it.',
  },
  LISTEN_WITHOUT_TOKEN: {
    recovery: 'fix-input',
    hint: 'Anyone who reaches this address could read the database. Give a token (or demand client certificates), or listen on 127.0.0.1.',
  },
  LISTEN_WITHOUT_TLS: {
    recovery: 'fix-input',
    hint: 'What is sent could be read and changed on its way. Give a certificate and key, or listen on 127.0.0.1 behind a tunnel, or say `insecure` if the network is private.',
  },
  LISTEN_FAILED: {
    recovery: 'fix-input',
    hint: 'Another program may hold the port, or the address is not of this machine. Choose another port, or stop the other program.',
  },
  CONNECT_FAILED: {
    recovery: 'retry',
    hint: 'Nothing answered. Check that the other end runs and that no firewall is between; following is retried by itself.',
  },
  HANDSHAKE_TIMEOUT: {
    recovery: 'retry',
    hint: 'The other end took the connection but did not finish the greeting in time. If it keeps happening, it is overloaded or not Stemma.',
  },
  LINK_LOST: {
    recovery: 'retry',
    hint: 'The connection broke. Followers connect again by themselves and go on where they were.',
  },
  BAD_FRAME: {
    recovery: 'retry',
    hint: 'These bytes are no frame of Stemma. If it happens repeatedly, something between the two ends changes them; TLS would show it.',
  },
  MESSAGE_TOO_LARGE: {
    recovery: 'stop',
    hint: 'One end sends larger messages than the other takes. Give both the same `messageBytesMax`.',
  },
  PEER_TOO_SLOW: {
    recovery: 'retry',
    hint: 'The other end reads or sends too slowly, so it was let go. Check its load and the network.',
  },
  PEER_SILENT: {
    recovery: 'retry',
    hint: 'Nothing was heard for too long: the other end, or the network to it, is down. Followers connect again by themselves.',
  },
  TOO_MANY_CONNECTIONS: {
    recovery: 'retry',
    hint: 'Raise `connectionsMax` or `connectionsPerAddress` if all of these are wanted.',
  },
  PROTOCOL_MESSAGE: {
    recovery: 'retry',
    hint: 'The other end sent what the protocol does not allow, and the connection was closed. It is made again by itself; if this repeats, check that both ends run released versions of Stemma.',
  },
  PROTOCOL_VERSION: {
    recovery: 'stop',
    hint: 'Upgrade the older end: the message names the protocol versions that each end speaks.',
  },
  NO_COMMON_FORMAT: {
    recovery: 'fix-input',
    hint: 'Start the leader with a log format that the follower reads, or ask the follower for one that the leader serves.',
  },
  CLUSTER_MISMATCH: {
    recovery: 'stop',
    hint: 'This copy follows another database. Give the right address, or another path for a new copy. Nothing was changed.',
  },
  PAGE_SIZE_MISMATCH: {
    recovery: 'stop',
    hint: 'The copy has pages of another size than the leader. Move the copy away and follow anew. Nothing was changed.',
  },
  STALE_LEADER: {
    recovery: 'stop',
    hint: 'This leader was replaced by a newer one. Follow the newer one, and stop or rebuild the old one.',
  },
  HISTORY_DIVERGED: {
    recovery: 'resync',
    hint: 'The copy holds commits that the leader never had or has lost. Keep the copy if they matter; following on makes it equal to the leader.',
  },
  CANNOT_COMPARE: {
    recovery: 'retry',
    hint: 'Leader and copy could not be seen at the same position: the message says why. Try again when fewer commits, or no change of the schema, lie between them.',
  },
  POSITION_NOT_KEPT: {
    recovery: 'fix-input',
    hint: 'Read the database anew, then go on from the position that it has; or go on from a later position and know that changes between are missing. `--log-max` and `--log-age` on the leader keep more.',
  },
  POSITION_UNKNOWN: {
    recovery: 'fix-input',
    hint: 'The position is of another database, or its commit was lost when the leader was restored. Read the database anew, then go on from the position that it has.',
  },
  PEER_REFUSED: {
    recovery: 'stop',
    hint: 'The other end refused this one for the reason that it gave. Upgrade this end if the reason is unknown to it.',
  },
  PEER_LEFT: {
    recovery: 'retry',
    hint: 'The other end closed the connection. It is made again by itself.',
  },
  LEADER_BUSY: {
    recovery: 'retry',
    hint: 'The leader serves as many connections or snapshots as it may. The follower tries again by itself.',
  },
  SNAPSHOT_FAILED: {
    recovery: 'retry',
    hint: 'The leader could not read its database for a snapshot. The follower tries again by itself; look at the leader if this repeats.',
  },
  NO_DATABASE: {
    recovery: 'fix-input',
    hint: 'Check the path. Stemma never creates the database that it is to follow.',
  },
  NOT_A_DATABASE: {
    recovery: 'fix-input',
    hint: 'Give the path of a SQLite 3 database. An encrypted one can not be followed.',
  },
  NOT_ON_DISK: {
    recovery: 'fix-input',
    hint: 'Only a database in a file has a log that can be followed. Give the path of a file.',
  },
  CANNOT_OPEN: {
    recovery: 'fix-input',
    hint: 'Check who may read and write the file and its folder: Stemma needs both, as the user that writes the database does.',
  },
  DATABASE_BUSY: {
    recovery: 'retry',
    hint: 'Another program holds the database for itself. Try again when it is done; `PRAGMA locking_mode=EXCLUSIVE` in that program makes it never end.',
  },
  DATABASE_REPLACED: {
    recovery: 'stop',
    hint: 'A restore or another program replaced the files while Stemma ran. Start Stemma again: it compares the database with its log and goes on.',
  },
  NOT_WAL: {
    recovery: 'fix-input',
    hint: 'Run `PRAGMA journal_mode=WAL` once in the sqlite3 program (it stays), or allow it: `--convert-to-wal`, in code `convertToWal: true`.',
  },
  NETWORK_FILE_SYSTEM: {
    recovery: 'fix-input',
    hint: 'WAL mode needs memory that all its users share, which network file systems do not give. Put the database on a disk of this machine.',
  },
  SQLITE_VERSION: {
    recovery: 'fix-input',
    hint: 'This SQLite can lose pages when a checkpoint meets a restart of the WAL (sqlite.org/wal.html). Use SQLite 3.51.3 or newer, 3.50.7 or 3.44.6.',
  },
  ALREADY_OPEN: {
    recovery: 'fix-input',
    hint: 'Another Stemma serves or follows this database. Stop it first; `stemma status <database>` tells who it is.',
  },
  WRONG_ROLE: {
    recovery: 'fix-input',
    hint: 'This file was a copy and can not lead, or the other way round. Give another path; or, if you are sure, delete the `-stemma` file beside it, which forgets what it was.',
  },
  SIDECAR_VERSION: {
    recovery: 'stop',
    hint: 'A newer Stemma wrote this file. Upgrade this end.',
  },
  NOT_A_SIDECAR: {
    recovery: 'stop',
    hint: 'A file that Stemma did not make has the name that it needs. Move it away.',
  },
  NO_LOG: {
    recovery: 'fix-input',
    hint: 'No Stemma has served this database yet, or not in a format that says this: `stemma serve <database>` and `openLeader` make the log.',
  },
  LOG_FULL: {
    recovery: 'retry',
    hint: 'Free space on this disk, or keep less: `--log-max`, in code `retention`. Followers that fall too far behind take a snapshot.',
  },
  LOG_FAILED: {
    recovery: 'retry',
    hint: 'The `-stemma` file beside the database could not be read or written. Check the disk; the database itself is not touched.',
  },
  DAMAGED_LOG: {
    recovery: 'resync',
    hint: 'Stop Stemma and delete the `-stemma` files beside the database. A new log begins, and followers take a snapshot.',
  },
  SNAPSHOT_EXPIRED: {
    recovery: 'retry',
    hint: 'The follower asks for a new one by itself and goes on with the pages that it has.',
  },
}

/** A failure with a code. Anything else that is thrown is a bug or a host error. */
export class StemmaError extends Error {
  override readonly name = 'StemmaError'
  readonly code: ErrorCode
  /** The values that explain this failure, ready for a structured log. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, details: Record<string, unknown> = {}, cause?: unknown) {
    super(`${code}: ${message}`, cause === undefined ? undefined : { cause })
    this.code = code
    this.details = details
  }

  get recovery(): Recovery {
    return ERRORS[this.code].recovery
  }

  get hint(): string {
    return ERRORS[this.code].hint
  }

  /** True for an error of this class, even one made by another copy of this package. */
  static is(value: unknown, code?: ErrorCode): value is StemmaError {
    if (!(value instanceof Error) || value.name !== 'StemmaError') return false
    return code === undefined || (value as StemmaError).code === code
  }
}
