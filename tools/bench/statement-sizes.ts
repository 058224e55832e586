import { openLeader, readLog } from 'stemma'
import { createDatabase, newWorkload } from './workload.ts'

/** Bytes of an entry, envelope and all, in each format. */
export interface EntrySizes {
  readonly statement: number
  readonly row: number
  readonly wal: number
}

export const BULK_ROWS = 100_000
export const BULK_TABLE = `CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER NOT NULL, w TEXT NOT NULL);
  INSERT INTO t (id, v, w) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${BULK_ROWS})
    SELECT i, i, 'a word or two' FROM n`
export const BULK_UPDATE = 'UPDATE t SET v = v + 1'

const FORMATS = ['statement', 'row', 'wal'] as const
const INSERTS = 500

/** Makes a database with a leader that keeps all formats, and tells how large the entries of inserts of a row and of a large UPDATE are. */
export async function measureEntries(database: string): Promise<{ readonly insert: EntrySizes; readonly bulk: EntrySizes }> {
  createDatabase(database)
  const leader = await openLeader({ database, listen: null, formats: [...FORMATS] })
  try {
    const { database: writer } = leader
    const insert = newWorkload(writer, 'insert', 7)
    for (let i = 0; i < INSERTS; i++) insert()
    writer.exec(BULK_TABLE)
    writer.prepare(BULK_UPDATE).run()
    await leader.waitFor({ followers: 0 })
  } finally {
    await leader.close()
  }
  const sizes = { insert: { statement: 0, row: 0, wal: 0 }, bulk: { statement: 0, row: 0, wal: 0 } }
  for (const format of FORMATS) {
    const entries = await readLog({ database, format, after: 0, limit: INSERTS + 10 })
    if (entries.some(({ barrier }) => barrier)) throw new Error(`a commit could not be put into ${format}`)
    const bytes = entries.map((entry) => entry.bytes.byteLength)
    sizes.insert[format] = bytes.slice(0, INSERTS).reduce((sum, each) => sum + each, 0) / INSERTS
    sizes.bulk[format] = bytes.at(-1)!
  }
  return sizes
}
