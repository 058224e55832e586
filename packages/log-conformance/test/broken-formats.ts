import { checksum32 } from '@stemma/base'
import type { CommitRows, LogFormat, PageChange, RowChange, RowFormat } from '@stemma/log'
import { betterSqlite3 } from '@stemma/storage'
import type { JudgeOptions } from '../src/index.ts'
import {
  checkVersion,
  damaged,
  describeSize,
  holdPages,
  holdRows,
  plainPages,
  plainRows,
  plainStatements,
  seal,
  tellRows,
  unseal,
  type HeldRows,
} from './plain-formats.ts'

/** A format that breaks one rule, at least. */
export interface BrokenFormat extends JudgeOptions {
  readonly rule: `LF-${number}`
  readonly title: string
}

/** Some for each rule: made anew for a leader and for its copies. */
export const brokenFormats: readonly BrokenFormat[] = [
  { rule: 'LF-1', title: 'has capitals in its name', format: { ...plainRows, name: 'Plain_Rows' } },
  { rule: 'LF-1', title: 'has version 0', format: { ...plainRows, version: 0, reads: [0, 1] } },
  { rule: 'LF-2', title: 'reads another version than it writes', format: { ...plainRows, reads: [2] } },
  {
    rule: 'LF-3',
    title: 'looks at pages to tell rows',
    format: withEncode((commit) => {
      commit.pages()
      return plainRows.encode(commit)
    }),
  },
  { rule: 'LF-4', title: 'tells no deletes', format: withRows((row) => (row.kind === 'delete' ? [] : [row])) },
  { rule: 'LF-4', title: 'tells no updates', format: withRows((row) => (row.kind === 'update' ? [] : [row])) },
  {
    rule: 'LF-5',
    title: 'takes -0.0 for 0.0',
    format: withRows((row) => [{ ...row, after: row.after && withoutSigns(row.after) }]),
  },
  {
    rule: 'LF-5',
    title: 'reads texts as UTF-8',
    format: withRows((row) => [{ ...row, after: row.after && withoutBytes(row.after, 'ff') }]),
  },
  { rule: 'LF-6', title: 'has numbers for rowids', format: withRows((row) => [{ ...row, rowid: rounded(row.rowid) }]) },
  { rule: 'LF-7', title: 'says that all text is UTF-8', format: withHeld((held) => ({ ...held, textEncoding: 'utf-8' })) },
  {
    rule: 'LF-8',
    title: 'tells 2,000 rows at most',
    format: withHeld((held) => ({
      ...held,
      tables: held.tables.map((table) => ({ ...table, held: table.held.slice(0, 2000) })),
    })),
  },
  {
    rule: 'LF-9',
    title: 'tells nothing of what is altered',
    format: withHeld((held) => ({ ...held, schema: held.schema.filter(({ kind }) => kind !== 'alter') })),
  },
  { rule: 'LF-10', title: 'forgets user_version', format: withHeld((held) => ({ ...held, userVersion: undefined })) },
  {
    rule: 'LF-11',
    title: 'never shrinks a database',
    format: {
      ...plainPages,
      encode: (commit) => seal({ ...holdPages(commit), pageCount: Math.max(commit.pageCount, commit.pageCountBefore) }),
    },
  },
  {
    rule: 'LF-12',
    title: 'has no payload for a commit without rows',
    format: withEncode((commit) => {
      const held = holdRows(commit.rows())
      if (held.tables.every((table) => table.held.length === 0)) throw new Error('nothing has changed')
      return seal(held)
    }),
  },
  {
    rule: 'LF-13',
    title: 'adds megabytes to every payload',
    format: withEncode((commit) => seal({ ...holdRows(commit.rows()), padding: new Uint8Array(4_000_000) })),
  },
  { rule: 'LF-14', title: 'leaves out what the commit before it said', format: leavesOutWhatWasSaid },
  { rule: 'LF-15', title: 'counts payloads on both ends', format: countsPayloads },
  { rule: 'LF-16', title: 'tells each position once', format: tellsOnce },
  { rule: 'LF-17', title: 'understands each payload once', format: understandsOnce },
  {
    rule: 'LF-18',
    title: 'wants every position to be a new one',
    format: () => {
      let last = 0
      return withEncode((commit) => {
        if (commit.position.sequence <= last) throw new Error(`position ${commit.position.sequence} again`)
        last = commit.position.sequence
        return plainRows.encode(commit)
      })
    },
  },
  {
    rule: 'LF-19',
    title: 'takes a commit that is not known for an empty one',
    format: withEncode((commit) => {
      try {
        return plainRows.encode(commit)
      } catch {
        return seal({ ...EMPTY, tables: [] })
      }
    }),
  },
  { rule: 'LF-20', title: 'takes a page that is not known for zeros', format: differencesOfPages },
  {
    rule: 'LF-21',
    title: 'wipes pages once it has read them',
    format: {
      ...plainPages,
      encode(commit) {
        const payload = plainPages.encode(commit)
        for (const { before } of commit.pages()) before?.fill(0)
        return payload
      },
    },
  },
  {
    rule: 'LF-22',
    title: 'collects rows before it writes them',
    format: withEncode((commit) => {
      const rows = commit.rows()
      const tables = rows.tables.map(({ rows: each, ...table }) => ({ ...table, held: [...each()] }))
      return seal({ ...rows, tables })
    }),
  },
  { rule: 'LF-22', title: 'gives bytes of the commit as its payload', format: lendsPages },
  { rule: 'LF-23', title: 'has one buffer for reading and writing', format: sharesBuffer },
  {
    rule: 'LF-24',
    title: 'decodes in place',
    format: withDecode((payload) => {
      const decoded = unseal(payload)
      payload[0]! ^= 0xff
      return tellRows(decoded as HeldRows)
    }),
  },
  {
    rule: 'LF-25',
    title: 'reads the buffer from its start',
    format: withDecode((payload) =>
      tellRows(unseal(new Uint8Array(payload.buffer as ArrayBuffer, 0, payload.byteLength)) as HeldRows),
    ),
  },
  {
    rule: 'LF-26',
    title: 'tells its rows once',
    format: withDecode((payload) => {
      const rows = plainRows.decode(payload, 1)
      return { ...rows, tables: rows.tables.map((table) => ({ ...table, rows: onlyOnce(table.rows()) })) }
    }),
  },
  {
    rule: 'LF-27',
    title: 'throws RangeError at the end of a payload',
    format: withDecode((payload) => {
      if (payload.byteLength < 5) throw new RangeError('out of bounds')
      return plainRows.decode(payload, 1)
    }),
  },
  { rule: 'LF-28', title: 'looks up what is not there', format: looksUp },
  { rule: 'LF-29', title: 'makes room for as many as are announced', format: makesRoom },
  { rule: 'LF-29', title: 'goes on for ever by steps of nothing', format: stepsByNothing },
  { rule: 'LF-29', title: 'tells rows without end', format: tellsWithoutEnd },
  {
    rule: 'LF-30',
    title: 'gives up for good once it has failed',
    format: () => {
      let failed = false
      return withDecode((payload) => {
        const hasFailed = failed
        failed = true
        const rows = plainRows.decode(payload, 1)
        failed = hasFailed
        return failed ? { ...rows, tables: [] } : rows
      })
    },
  },
  {
    rule: 'LF-31',
    title: 'reads every version as its own',
    format: { ...plainRows, decode: (payload) => plainRows.decode(payload, 1) },
  },
  {
    rule: 'LF-32',
    title: 'says that it reads what it does not',
    format: { ...plainRows, version: 2, reads: [1, 2], ...asVersion(2) },
    older: [plainRows],
  },
  { rule: 'LF-32', title: 'is given no older writer', format: { ...plainRows, reads: [1, 2] } },
  {
    rule: 'LF-33',
    title: 'turns the list of pages round',
    format: {
      ...plainPages,
      encode(commit) {
        ;(commit.pages() as PageChange[]).reverse()
        return plainPages.encode(commit)
      },
    },
  },
  {
    rule: 'LF-34',
    title: 'prints names as they are',
    format: {
      ...plainRows,
      describe: (payload: Uint8Array, version: number) => ({
        summary:
          plainRows
            .decode(payload, version)
            .tables.map(({ name }) => name)
            .join() || 'none',
        details: [],
      }),
    },
  },
  { rule: 'LF-34', title: 'has nothing to say', format: { ...plainRows, describe: () => ({ summary: '', details: [] }) } },
  {
    rule: 'LF-35',
    title: 'has a line for each row',
    format: {
      ...plainRows,
      describe: (payload: Uint8Array, version: number) => ({
        summary: 'rows',
        details: plainRows
          .decode(payload, version)
          .tables.flatMap((table) => Array.from(table.rows(), ({ rowid }) => String(rowid))),
      }),
    },
  },
  { rule: 'LF-36', title: 'runs what another SQLite runs otherwise', format: runsOtherwise },
  {
    rule: 'LF-37',
    title: 'forgets what is bound by name',
    format: {
      ...plainStatements,
      decode(payload, version) {
        const decoded = plainStatements.decode(payload, version)
        if (decoded.kind === 'rows') return decoded
        const statements = decoded.statements.statements.map((each) => ({ ...each, named: undefined }))
        return { kind: 'statements', statements: { ...decoded.statements, statements } }
      },
    },
  },
  {
    rule: 'LF-38',
    title: 'sends every statement',
    format: {
      ...plainStatements,
      encode(commit) {
        try {
          return seal({ kind: 'statements', statements: commit.statements() })
        } catch {
          return plainStatements.encode(commit)
        }
      },
    },
  },
  {
    rule: 'LF-39',
    title: 'knows no rows',
    format: { ...plainStatements, encode: (commit) => seal({ kind: 'statements', statements: commit.statements() }) },
  },
  { rule: 'LF-40', title: 'counts no rows', format: { ...plainStatements, holdsRows: () => false } },
]

const EMPTY: HeldRows = {
  textEncoding: 'utf-8',
  schemaVersion: 1,
  schema: [],
  userVersion: undefined,
  applicationId: undefined,
  tables: [],
}

function withEncode(encode: RowFormat['encode']): RowFormat {
  return { ...plainRows, encode }
}

function withDecode(decode: (payload: Uint8Array) => CommitRows): RowFormat {
  return {
    ...plainRows,
    decode(payload, version) {
      checkVersion(version)
      return decode(payload)
    },
  }
}

function withHeld(change: (held: HeldRows) => HeldRows): RowFormat {
  return withEncode((commit) => seal(change(holdRows(commit.rows()))))
}

function withRows(change: (row: RowChange) => readonly RowChange[]): RowFormat {
  return withHeld((held) => ({ ...held, tables: held.tables.map((table) => ({ ...table, held: table.held.flatMap(change) })) }))
}

function withoutSigns(record: Uint8Array): Uint8Array {
  return withoutBytes(record, '8000000000000000')
}

/** What has these bytes in it gets zeros instead. */
function withoutBytes(record: Uint8Array, hex: string): Uint8Array {
  return Buffer.from(Buffer.from(record).toString('hex').replaceAll(hex, '0'.repeat(hex.length)), 'hex')
}

function rounded(rowid: bigint): bigint {
  return BigInt.asIntN(64, BigInt(Number(rowid)))
}

/** The table's name goes without saying if it is the one of the commit before. */
function leavesOutWhatWasSaid(): LogFormat {
  let [said, heard] = ['', '']
  return {
    ...withHeld((held) => {
      const [first, ...rest] = held.tables
      if (first === undefined) return held
      const name = first.name === said ? '' : first.name
      said = first.name
      return { ...held, tables: [{ ...first, name, nameBefore: first.nameBefore && name }, ...rest] }
    }),
    decode(payload, version) {
      const rows = plainRows.decode(payload, version)
      const [first, ...rest] = rows.tables
      if (first === undefined) return rows
      heard = first.name === '' ? heard : first.name
      return {
        ...rows,
        tables: [{ ...first, name: heard, nameBefore: first.nameBefore === undefined ? undefined : heard }, ...rest],
      }
    },
  }
}

function countsPayloads(): LogFormat {
  let [sent, come] = [0, 0]
  return {
    ...withEncode((commit) => seal({ ...holdRows(commit.rows()), number: ++sent })),
    decode(payload, version) {
      checkVersion(version)
      const held = unseal(payload) as HeldRows & { readonly number: number }
      if (held.number !== ++come) throw damaged(`payload ${held.number} is not number ${come}`)
      return tellRows(held)
    },
  }
}

function tellsOnce(): LogFormat {
  const told = new Set<string>()
  return withEncode((commit) => {
    const place = `${commit.digest} ${commit.digestBefore}`
    const isNew = !told.has(place)
    told.add(place)
    const held = holdRows(commit.rows())
    return seal(isNew ? held : { ...held, tables: [] })
  })
}

function understandsOnce(): LogFormat {
  const seen = new Set<number>()
  return withDecode((payload) => {
    const rows = plainRows.decode(payload, 1)
    const sum = checksum32(payload)
    if (seen.has(sum)) return { ...rows, tables: [] }
    seen.add(sum)
    return rows
  })
}

/** Bytes of pages, as what is to be turned in those before. */
function differencesOfPages(): LogFormat {
  return {
    ...plainPages,
    encode(commit) {
      const { pageCount, pages } = holdPages(commit)
      const befores = commit.pages().map(({ before }) => before)
      return seal({ pageCount, pages: pages.map(([number, sum, bytes], i) => [number, sum, turned(bytes, befores[i])]) })
    },
    apply(payload, version, target) {
      checkVersion(version)
      const { pageCount, pages } = unseal(payload) as ReturnType<typeof holdPages>
      target.setPageCount(pageCount)
      for (const [pageNumber, sum, bytes] of pages) {
        const page = target.page(pageNumber)
        page.set(turned(bytes, page))
        target.expect(pageNumber, sum)
      }
    },
  }
}

function turned(bytes: Uint8Array, by: Uint8Array | undefined): Uint8Array {
  return bytes.map((byte, i) => byte ^ (by?.[i] ?? 0))
}

/** The payload of a commit of one page is that page. */
function lendsPages(): LogFormat {
  return {
    ...plainPages,
    encode: (commit) =>
      commit.pages().length === 1 && commit.pageCount === commit.pageCountBefore
        ? commit.pages()[0]!.after
        : plainPages.encode(commit),
  }
}

function sharesBuffer(): LogFormat {
  const buffer = new Uint8Array(1_000_000)
  const copyIn = (bytes: Uint8Array): Uint8Array => {
    buffer.set(bytes)
    return buffer.subarray(0, bytes.byteLength)
  }
  const format = {
    ...withEncode((commit) => copyIn(plainRows.encode(commit))),
    decode: (payload: Uint8Array, version: number) => plainRows.decode(copyIn(payload), version),
  }
  return format
}

function onlyOnce(rows: Iterable<RowChange>): () => Iterable<RowChange> {
  const iterator = [...rows].values()
  return () => iterator
}

/** The first byte says how to read the rest. */
function looksUp(): LogFormat {
  const readers: ((payload: Uint8Array) => CommitRows)[] = [(payload) => plainRows.decode(payload, 1)]
  return startingWith(0, (first, rest) => readers[first]!(rest))
}

/** The first four bytes say how much room is needed. */
function makesRoom(): LogFormat {
  return startingWith(0, (first, rest) => {
    const room = new Uint8Array(first * 2 ** 24)
    if (room.byteLength > 0) throw damaged('too much room')
    return plainRows.decode(rest, 1)
  })
}

function stepsByNothing(): LogFormat {
  return startingWith(1, (first, rest) => {
    for (let at = 0; at < rest.byteLength; at += first);
    return plainRows.decode(rest, 1)
  })
}

function tellsWithoutEnd(): LogFormat {
  const row: RowChange = { kind: 'delete', rowid: 1n, before: undefined, after: undefined, columns: undefined }
  function* endless(): Generator<RowChange, void, void> {
    for (;;) yield row
  }
  return startingWith(0, (first, rest) => {
    const rows = plainRows.decode(rest, 1)
    return first === 0 ? rows : { ...rows, tables: rows.tables.map((table) => ({ ...table, rows: endless })) }
  })
}

/** Adds a row where SQLite is another one than the leader's. */
function runsOtherwise(): LogFormat {
  const connection = betterSqlite3.open(':memory:', { mustExist: false })
  const version = String(connection.prepare('SELECT sqlite_version() AS version').get()!['version'])
  connection.close()
  const sql = `INSERT INTO t (id) SELECT 1000 WHERE sqlite_version() <> '${version}'`
  return {
    ...plainStatements,
    needsSameSqlite: false,
    encode(commit) {
      const { statements, ...rest } = commit.statements()
      const more = statements.flatMap((each) => {
        const outcome = { ...each.outcome, changes: 0, lastInsertRowid: undefined }
        return each.sql === 'DELETE FROM t' ? [each, { ...each, sql, outcome }] : [each]
      })
      return seal({ kind: 'statements', statements: { ...rest, statements: more } })
    },
  }
}

/** A byte, then a plain payload. */
function startingWith(byte: number, decode: (first: number, rest: Uint8Array) => CommitRows): LogFormat {
  return {
    ...withEncode((commit) => Buffer.concat([Uint8Array.of(byte), plainRows.encode(commit)])),
    decode(payload, version) {
      checkVersion(version)
      if (payload.byteLength === 0) throw damaged('no bytes')
      return decode(payload[0]!, payload.subarray(1))
    },
    describe: (payload: Uint8Array, version: number) => describeSize(payload.subarray(1), version),
  }
}

/** The same payloads under another version. */
function asVersion(known: number): Pick<RowFormat, 'decode' | 'describe'> {
  return {
    decode(payload, version) {
      checkVersion(version, known)
      return plainRows.decode(payload, 1)
    },
    describe(payload, version) {
      checkVersion(version, known)
      return plainRows.describe(payload, 1)
    },
  }
}
