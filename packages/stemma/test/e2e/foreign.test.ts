import { chmodSync, copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openFollower, openLeader } from '../../src/index.ts'
import { makeDatabase, newFolder } from './support/folder.ts'
import { hasProgram, sqlite3 } from './support/programs.ts'
import { expectEqual } from './support/proof.ts'

// Databases that Stemma did not make, written to by the sqlite3 program, which knows nothing of it. The program waits for no lock, so it would
// fail if we were ever in its way.

/** A shop for music, like the Chinook sample database. */
const SHOP = `
  CREATE TABLE Artist (ArtistId INTEGER PRIMARY KEY NOT NULL, Name NVARCHAR(120));
  CREATE TABLE Album (AlbumId INTEGER PRIMARY KEY NOT NULL, Title NVARCHAR(160) NOT NULL,
    ArtistId INTEGER NOT NULL REFERENCES Artist (ArtistId) ON DELETE NO ACTION);
  CREATE TABLE Track (TrackId INTEGER PRIMARY KEY NOT NULL, Name NVARCHAR(200) NOT NULL, AlbumId INTEGER REFERENCES Album (AlbumId),
    Composer NVARCHAR(220), Milliseconds INTEGER NOT NULL, UnitPrice NUMERIC(10, 2) NOT NULL);
  CREATE TABLE PlaylistTrack (PlaylistId INTEGER NOT NULL, TrackId INTEGER NOT NULL REFERENCES Track (TrackId),
    CONSTRAINT PK_PlaylistTrack PRIMARY KEY (PlaylistId, TrackId));
  CREATE TABLE Invoice (InvoiceId INTEGER PRIMARY KEY AUTOINCREMENT, InvoiceDate DATETIME NOT NULL, BillingCountry NVARCHAR(40), Total NUMERIC(10, 2));
  CREATE TABLE InvoiceLine (InvoiceLineId INTEGER PRIMARY KEY, InvoiceId INTEGER NOT NULL REFERENCES Invoice (InvoiceId), TrackId INTEGER, Quantity INTEGER);
  CREATE INDEX IFK_AlbumArtistId ON Album (ArtistId); CREATE INDEX IFK_TrackAlbumId ON Track (AlbumId);
  CREATE INDEX IFK_PlaylistTrackTrackId ON PlaylistTrack (TrackId); CREATE INDEX IFK_InvoiceLineInvoiceId ON InvoiceLine (InvoiceId);
  CREATE TEMP TABLE n (i); INSERT INTO n WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 3000) SELECT i FROM c;
  INSERT INTO Artist SELECT i, 'Artist ' || i || ' Ñandú 音楽' FROM n WHERE i <= 200;
  INSERT INTO Album SELECT i, 'Album ' || i, 1 + i % 200 FROM n WHERE i <= 300;
  INSERT INTO Track SELECT i, 'Track ' || i, 1 + i % 300, CASE WHEN i % 3 THEN 'Composer ' || i % 50 END, i * 1000, 0.99 FROM n;
  INSERT INTO PlaylistTrack SELECT DISTINCT 1 + i % 12, i FROM n;
  INSERT INTO Invoice (InvoiceDate, BillingCountry, Total) SELECT date('2009-01-01', '+' || i || ' days'), 'Norway', i % 20 FROM n WHERE i <= 400;
  INSERT INTO InvoiceLine SELECT i, 1 + i % 400, i, 1 FROM n WHERE i <= 2200`

/** Each is a run of the program of its own. */
const WORK = [
  "INSERT INTO Artist (Name) VALUES ('Stemma'); INSERT INTO Album (Title, ArtistId) VALUES ('First light', last_insert_rowid())",
  'UPDATE Track SET UnitPrice = UnitPrice * 2 WHERE Milliseconds > 200000',
  'BEGIN; DELETE FROM PlaylistTrack WHERE PlaylistId > 5; DELETE FROM InvoiceLine WHERE InvoiceLineId % 2; COMMIT',
  'BEGIN; DELETE FROM Track; ROLLBACK',
  'CREATE TABLE Copied AS SELECT * FROM Track; CREATE INDEX CopiedName ON Copied (Name)',
  'PRAGMA wal_checkpoint(TRUNCATE); UPDATE Artist SET Name = upper(Name)',
  'ALTER TABLE Copied ADD COLUMN Rating INTEGER DEFAULT 3; UPDATE Copied SET Rating = TrackId % 5',
  'VACUUM',
  'DROP TABLE Copied; REINDEX; ANALYZE',
  'PRAGMA wal_checkpoint(PASSIVE); UPDATE Invoice SET Total = Total + 1.98, InvoiceDate = current_timestamp',
]

const given = process.env['STEMMA_CHINOOK']
const databases: readonly [title: string, make: (path: string) => void, skip: boolean][] = [
  ['a shop', (path) => makeDatabase(path, SHOP), false],
  ['the database of STEMMA_CHINOOK', (path) => [copyFileSync(given!, path), chmodSync(path, 0o600)], given === undefined],
]

for (const [title, make, skip] of databases) {
  test.skipIf(skip || !hasProgram('sqlite3'))(
    `${title}, written to by the sqlite3 program, is followed live: dumps are equal`,
    async () => {
      const folder = newFolder()
      const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
      make(app)
      const leader = await openLeader({ database: app, convertToWal: true })
      onTestFinished(() => leader.close())
      const follower = await openFollower({ url: leader.url, database: copy })
      onTestFinished(() => follower.close())
      // What the program tells when it finds the database locked is an error, which ends the test.
      for (const sql of WORK) {
        await sqlite3(app, sql)
        expect(await sqlite3(copy, 'PRAGMA integrity_check')).toBe('ok\n')
      }
      await leader.waitFor({ level: 'applied', timeoutMs: 20_000 })
      expect(await sqlite3(copy, '.dump')).toBe(await sqlite3(app, '.dump'))
      await expectEqual(app, copy)
      await Promise.all([follower.close(), leader.close()])
      expect(await sqlite3(copy, '.dump')).toBe(await sqlite3(app, '.dump'))
    },
  )
}

test.skipIf(!hasProgram('sqlite3'))(
  'many small runs of the sqlite3 program, which waits for no lock, never find the database locked',
  async () => {
    const folder = newFolder()
    const [app, copy] = [join(folder, 'app.db'), join(folder, 'copy.db')]
    makeDatabase(app, 'CREATE TABLE t (id INTEGER PRIMARY KEY, x)')
    const leader = await openLeader({ database: app })
    onTestFinished(() => leader.close())
    const follower = await openFollower({ url: leader.url, database: copy })
    onTestFinished(() => follower.close())
    // One after another, there is nobody but us who could be in the way.
    for (let i = 0; i < 60; i++) await sqlite3(app, `INSERT INTO t (x) VALUES (${i}), (hex(randomblob(3000)))`)
    await leader.waitFor({ level: 'applied' })
    expect(follower.database.prepare('SELECT count(*) FROM t').pluck().get()).toBe(120)
    await expectEqual(app, copy)
  },
)
