/**
 * Words that SQL is full of, and the beginnings of time zones, the n-th written as the byte 128 + n. A part of version 1 of the payload: neither order nor words may
 * change; at most 128.
 */
const WORDS: readonly string[] = [
  'INSERT INTO ',
  'INSERT OR REPLACE INTO ',
  'INSERT OR IGNORE INTO ',
  'REPLACE INTO ',
  'UPDATE ',
  'DELETE FROM ',
  'CREATE TABLE ',
  'CREATE INDEX ',
  'CREATE UNIQUE INDEX ',
  'CREATE TRIGGER ',
  'CREATE VIEW ',
  'DROP TABLE ',
  'ALTER TABLE ',
  'IF NOT EXISTS ',
  'IF EXISTS ',
  'PRIMARY KEY',
  'INTEGER PRIMARY KEY',
  'AUTOINCREMENT',
  'NOT NULL',
  'DEFAULT ',
  'UNIQUE',
  'REFERENCES ',
  'CURRENT_TIMESTAMP',
  'ON CONFLICT',
  'DO UPDATE SET ',
  'DO NOTHING',
  'ON DELETE CASCADE',
  'RETURNING ',
  ') VALUES (',
  ' VALUES (',
  'values (',
  'insert into ',
  'update ',
  'delete from ',
  ' set ',
  ' where ',
  ' and ',
  'select ',
  ' from ',
  'returning ',
  ' SET ',
  ' WHERE ',
  ' AND ',
  ' OR ',
  'SELECT ',
  ' FROM ',
  ' ORDER BY ',
  ' LIMIT ',
  ' GROUP BY ',
  ' JOIN ',
  ' IN (',
  ' IS NULL',
  ' = ?',
  ' = ',
  '?, ?, ?, ?, ',
  '?, ?, ?)',
  '?, ?)',
  '?, ',
  '?, ?, ?, ?)',
  '?,?,?,',
  '?)',
  '", "',
  '" = ?',
  '") VALUES (',
  '") values (',
  '` = ?',
  '`, `',
  '`) values (',
  ' ("',
  ' (`',
  ' (',
  ', ',
  'excluded.',
  'INTEGER',
  'TEXT',
  'REAL',
  'BLOB',
  'null',
  'NULL',
  'user',
  'item',
  'order',
  'product',
  'account',
  'event',
  'message',
  'session',
  'name',
  'note',
  'amount',
  'title',
  'email',
  'text',
  'body',
  'data',
  'type',
  'status',
  'state',
  'value',
  'key',
  'count',
  'total',
  'price',
  'created',
  'updated',
  'deleted',
  '_at',
  '_id',
  'id',
  'time',
  'date',
  'description',
  'number',
  'position',
  'version',
  'parent',
  'content',
  'password',
  'address',
  'payload',
  'table',
  '    ',
  'Europe/',
  'America/',
  'Asia/',
  'Australia/',
  '\n',
]

const FIRST = 128

/** By the first character, the longest first. */
const BY_FIRST: ReadonlyMap<string, readonly number[]> = groupByFirst()

function groupByFirst(): Map<string, number[]> {
  const groups = new Map<string, number[]>()
  for (const [i, word] of WORDS.entries()) {
    const first = word[0] ?? ''
    groups.set(
      first,
      [...(groups.get(first) ?? []), i].toSorted((a, b) => (WORDS[b] ?? '').length - (WORDS[a] ?? '').length),
    )
  }
  return groups
}

/** SQL with the words of the dictionary as single bytes; undefined when it is not ASCII. */
export function packSql(sql: string): Uint8Array | undefined {
  const bytes = new Uint8Array(sql.length)
  let length = 0
  for (let at = 0; at < sql.length;) {
    const unit = sql.charCodeAt(at)
    if (unit >= FIRST) return undefined
    const word = BY_FIRST.get(sql[at] ?? '')?.find((each) => sql.startsWith(WORDS[each] ?? '', at))
    bytes[length++] = word === undefined ? unit : FIRST + word
    at += word === undefined ? 1 : (WORDS[word] ?? '').length
  }
  return bytes.subarray(0, length)
}

/** The SQL again; undefined when a byte stands for no word. */
export function unpackSql(bytes: Uint8Array): string | undefined {
  const parts: string[] = []
  for (const byte of bytes) {
    const part = byte < FIRST ? String.fromCharCode(byte) : WORDS[byte - FIRST]
    if (part === undefined) return undefined
    parts.push(part)
  }
  return parts.join('')
}
