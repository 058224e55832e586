/** A small generator of numbers: the same seed gives the same ones. */
export type Random = (below: number) => number

export function newRandom(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

/** A random transaction or two on a schema of its own making. */
export function randomSql(random: Random, step: number): string {
  if (step === 0) {
    return `CREATE TABLE a(id INTEGER PRIMARY KEY, x, y); CREATE INDEX ax ON a(x);
      CREATE TABLE b(k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO a(x, y) VALUES (1, 2)`
  }
  const kind = random(20)
  if (kind < 7) return `INSERT INTO a(x, y) VALUES (hex(randomblob(8)), randomblob(${random(300)}))`
  if (kind < 9) return `UPDATE a SET y = randomblob(${random(200)}) WHERE id % ${1 + random(20)} = 0`
  if (kind < 11) return `DELETE FROM a WHERE id % ${2 + random(5)} = 0`
  if (kind < 13) return `INSERT OR REPLACE INTO b VALUES (hex(randomblob(2)), randomblob(${random(100)}))`
  if (kind < 14) return `INSERT INTO a(x, y) VALUES ('large', randomblob(${random(60_000)}))`
  if (kind < 15) return `BEGIN; INSERT INTO a(x) VALUES (1); SAVEPOINT s; DELETE FROM a; ROLLBACK TO s; COMMIT`
  if (kind < 16) return `BEGIN; DELETE FROM b; INSERT INTO a(x) VALUES (2); ROLLBACK`
  if (kind < 17) return `CREATE TABLE c${step}(x); INSERT INTO c${step} SELECT randomblob(500) FROM a LIMIT 40`
  if (kind < 18) return `DELETE FROM a WHERE y IS NOT NULL AND length(y) > 1000; PRAGMA incremental_vacuum`
  if (kind < 19) return 'VACUUM'
  return `INSERT INTO a(x, y) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) SELECT hex(randomblob(6)), zeroblob(100) FROM n`
}
