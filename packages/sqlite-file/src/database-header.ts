import { StemmaError, assert, type PageNumber, type TextEncoding } from '@stemma/base'
import { setUint16At, setUint32At, uint16At, uint32At } from './bytes.ts'
import { isPageSize } from './page-size.ts'

/** Size of the header at the start of page 1, in bytes. */
export const DATABASE_HEADER_SIZE = 100

/** The first 16 bytes of every SQLite database, as text: `SQLite format 3` and a zero. */
const MAGIC = 'SQLite format 3\0'

/** A database whose pages leave less room than this is none, in bytes. */
const USABLE_SIZE_MIN = 480

/** How a database gives pages back. */
export type AutoVacuum = 'none' | 'full' | 'incremental'

/** The first 100 bytes of a database, decoded. */
export interface DatabaseHeader {
  /** Bytes: a power of two from 512 to 65536. */
  readonly pageSize: number
  /** 1 for a rollback journal, 2 for WAL. A larger number may be read but not written. */
  readonly writeVersion: number
  /** 1 for a rollback journal, 2 for WAL. */
  readonly readVersion: number
  /** Bytes at the end of each page that SQLite leaves alone. */
  readonly reservedBytes: number
  /** Counts transactions; in WAL mode not each of them. */
  readonly changeCounter: number
  /** Pages in the database. Only to be believed when `versionValidFor` equals `changeCounter`. */
  readonly pageCount: number
  /** The first trunk page of the freelist; 0 when there is none. */
  readonly firstFreelistTrunk: PageNumber
  /** Pages in the freelist, trunks and leaves. */
  readonly freelistCount: number
  /** Changes with the schema. */
  readonly schemaCookie: number
  /** 1 to 4; 0 in a database where no table was ever made. */
  readonly schemaFormat: number
  /** Pages; may be negative. */
  readonly defaultCacheSize: number
  /** The largest root page; 0 unless the database vacuums by itself. */
  readonly largestRootPage: PageNumber
  readonly textEncoding: TextEncoding
  /** `PRAGMA user_version`, signed. */
  readonly userVersion: number
  readonly incrementalVacuum: boolean
  /** `PRAGMA application_id`, signed. */
  readonly applicationId: number
  /** The change counter when `sqliteVersion` was written. */
  readonly versionValidFor: number
  /** The library that wrote last: 3054001 is 3.54.1. */
  readonly sqliteVersion: number
}

/** What the start of a database file turned out to be. */
export type DatabaseStart = { readonly kind: 'header'; readonly header: DatabaseHeader } | { readonly kind: 'empty' }

/**
 * Decodes a database header.
 *
 *     offset size
 *      0    16    "SQLite format 3" and a zero
 *     16     2    page size, 1 for 65536
 *     18     1    write version
 *     19     1    read version
 *     20     1    reserved bytes at the end of each page
 *     21     3    64, 32, 32: fractions of a page, never anything else
 *     24     4    change counter
 *     28     4    pages in the database
 *     32     4    first trunk page of the freelist
 *     36     4    pages in the freelist
 *     40     4    schema cookie
 *     44     4    schema format
 *     48     4    default cache size
 *     52     4    largest root page, in a database that vacuums by itself
 *     56     4    text encoding: 1 UTF-8, 2 UTF-16le, 3 UTF-16be
 *     60     4    user version
 *     64     4    not 0 for incremental vacuum
 *     68     4    application id
 *     72    20    zeros
 *     92     4    change counter when the version was written
 *     96     4    version of SQLite
 *
 * A file of no bytes is an empty database.
 *
 * @param bytes - the start of page 1; read, not kept
 * @throws StemmaError NOT_A_DATABASE when SQLite would not open it
 * @see https://sqlite.org/fileformat2.html#the_database_header, and lockBtree() in SQLite's btree.c
 */
export function decodeDatabaseHeader(bytes: Uint8Array): DatabaseStart {
  if (bytes.byteLength === 0) return { kind: 'empty' }
  if (bytes.byteLength < DATABASE_HEADER_SIZE) throw foreign(`it has only ${bytes.byteLength} bytes`)
  for (let i = 0; i < MAGIC.length; i++) {
    if (bytes[i] !== MAGIC.charCodeAt(i)) throw foreign('it does not begin with the words "SQLite format 3"; it may be encrypted')
  }
  const storedSize = uint16At(bytes, 16)
  const pageSize = storedSize === 1 ? 65_536 : storedSize
  if (!isPageSize(pageSize)) throw foreign(`its page size is ${pageSize}`)
  if (bytes[19]! > 2) throw foreign(`it has read version ${bytes[19]}, known are 1 and 2`)
  if (bytes[21] !== 64 || bytes[22] !== 32 || bytes[23] !== 32) throw foreign('its payload fractions are not 64, 32, 32')
  const reservedBytes = bytes[20]!
  if (pageSize - reservedBytes < USABLE_SIZE_MIN) throw foreign(`it reserves ${reservedBytes} bytes of pages of ${pageSize}`)
  const header: DatabaseHeader = {
    pageSize,
    writeVersion: bytes[18]!,
    readVersion: bytes[19]!,
    reservedBytes,
    changeCounter: uint32At(bytes, 24),
    pageCount: uint32At(bytes, 28),
    firstFreelistTrunk: uint32At(bytes, 32),
    freelistCount: uint32At(bytes, 36),
    schemaCookie: uint32At(bytes, 40),
    schemaFormat: uint32At(bytes, 44),
    defaultCacheSize: uint32At(bytes, 48) | 0,
    largestRootPage: uint32At(bytes, 52),
    textEncoding: ENCODINGS[bytes[59]! & 3]!,
    userVersion: uint32At(bytes, 60) | 0,
    incrementalVacuum: uint32At(bytes, 64) !== 0,
    applicationId: uint32At(bytes, 68) | 0,
    versionValidFor: uint32At(bytes, 92),
    sqliteVersion: uint32At(bytes, 96),
  }
  return { kind: 'header', header }
}

/**
 * Encodes a database header.
 *
 * @param into - 100 bytes or more, of which the first 100 are filled; new ones when left out
 * @returns `into`
 */
export function encodeDatabaseHeader(
  header: DatabaseHeader,
  into: Uint8Array = new Uint8Array(DATABASE_HEADER_SIZE),
): Uint8Array {
  assert(isPageSize(header.pageSize), 'a page size that is a power of two from 512 to 65536')
  for (let i = 0; i < MAGIC.length; i++) into[i] = MAGIC.charCodeAt(i)
  setUint16At(into, 16, header.pageSize === 65_536 ? 1 : header.pageSize)
  into[18] = header.writeVersion
  into[19] = header.readVersion
  into[20] = header.reservedBytes
  into.set([64, 32, 32], 21)
  setUint32At(into, 24, header.changeCounter)
  setUint32At(into, 28, header.pageCount)
  setUint32At(into, 32, header.firstFreelistTrunk)
  setUint32At(into, 36, header.freelistCount)
  setUint32At(into, 40, header.schemaCookie)
  setUint32At(into, 44, header.schemaFormat)
  setUint32At(into, 48, header.defaultCacheSize)
  setUint32At(into, 52, header.largestRootPage)
  setUint32At(into, 56, header.textEncoding === 'utf-8' ? 1 : header.textEncoding === 'utf-16le' ? 2 : 3)
  setUint32At(into, 60, header.userVersion)
  setUint32At(into, 64, header.incrementalVacuum ? 1 : 0)
  setUint32At(into, 68, header.applicationId)
  into.fill(0, 72, 92)
  setUint32At(into, 92, header.versionValidFor)
  setUint32At(into, 96, header.sqliteVersion)
  return into
}

/** How a database vacuums by itself. */
export function autoVacuumOf(header: DatabaseHeader): AutoVacuum {
  if (header.largestRootPage === 0) return 'none'
  return header.incrementalVacuum ? 'incremental' : 'full'
}

// SQLite looks at the two low bits alone, and takes 0 for UTF-8.
const ENCODINGS: readonly TextEncoding[] = ['utf-8', 'utf-8', 'utf-16le', 'utf-16be']

function foreign(why: string): StemmaError {
  return new StemmaError('NOT_A_DATABASE', `this is no SQLite database: ${why}`, { why })
}
