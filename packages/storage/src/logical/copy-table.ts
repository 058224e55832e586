import { StemmaError, type TextEncoding } from '@stemma/base'
import type { CopyPlace } from '../replica/copy-place.ts'
import type { DriverRow, SqliteConnection } from '../sqlite/driver.ts'

/** The table in which a logical copy keeps what it is a copy of, and up to where. */
export const COPY_TABLE = '_stemma_copy'

/** The version of that table. */
export const COPY_TABLE_VERSION = 1

/** What a logical copy says of itself. */
export interface CopyNote {
  /** This node: 32 hexadecimal digits. */
  readonly node: string
  /** Where it stands. `digest`, `pageSize` and `pageCount` are those of the leader's database there. */
  readonly place: CopyPlace
}

/** Makes a database a logical copy. A table of an older copy that it may hold, with all the leader had, goes. */
export function makeCopyTable(connection: SqliteConnection, { node, place }: CopyNote): void {
  connection.exec(`
    DROP TABLE IF EXISTS ${COPY_TABLE};
    CREATE TABLE ${COPY_TABLE} (
      id INTEGER PRIMARY KEY, version INTEGER NOT NULL, node TEXT NOT NULL, cluster TEXT NOT NULL, format TEXT NOT NULL,
      epoch INTEGER NOT NULL, sequence INTEGER NOT NULL, digest INTEGER NOT NULL, page_size INTEGER NOT NULL, page_count INTEGER NOT NULL
    );
  `)
  const { cluster, format, position, digest, pageSize, pageCount } = place
  connection
    .prepare(`INSERT INTO ${COPY_TABLE} VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
    .run(
      BigInt(COPY_TABLE_VERSION),
      node,
      cluster,
      format,
      BigInt(position.epoch),
      BigInt(position.sequence),
      BigInt.asIntN(64, digest),
      BigInt(pageSize),
      BigInt(pageCount),
    )
}

/**
 * Reads what a database says of itself; undefined when it is no logical copy.
 *
 * @throws StemmaError SIDECAR_VERSION when a newer Stemma made it
 */
export function readCopyNote(connection: SqliteConnection): CopyNote | undefined {
  const isThere = connection.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(COPY_TABLE)
  if (isThere === undefined) return undefined
  const row = connection.prepare(`SELECT * FROM ${COPY_TABLE}`).get()
  if (row === undefined) return undefined
  const version = Number(row['version'])
  if (version !== COPY_TABLE_VERSION) {
    throw new StemmaError('SIDECAR_VERSION', `${COPY_TABLE} is version ${version}, known is ${COPY_TABLE_VERSION}`, { version })
  }
  return { node: String(row['node']), place: placeOf(row) }
}

/** How a database stores its text. */
export function readEncoding(connection: SqliteConnection): TextEncoding {
  return String(connection.prepare('PRAGMA encoding').get()?.['encoding']).toLowerCase() as TextEncoding
}

function placeOf(row: DriverRow): CopyPlace {
  return {
    cluster: String(row['cluster']),
    format: String(row['format']),
    position: { epoch: Number(row['epoch']), sequence: Number(row['sequence']) },
    digest: BigInt.asUintN(64, row['digest'] as bigint),
    pageSize: Number(row['page_size']),
    pageCount: Number(row['page_count']),
    wal: undefined,
  }
}
