import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eq, sql } from 'drizzle-orm'
import { migrate } from 'drizzle-orm/better-sqlite3/migrator'
import { blob, integer, real, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { expect, test } from 'vitest'
import { openDrizzle } from './open-drizzle.ts'
import { FORMATS, openWorld } from './world.ts'

const users = sqliteTable('users', {
  id: integer().primaryKey({ autoIncrement: true }),
  email: text().notNull().unique(),
  name: text().notNull(),
  isAdmin: integer({ mode: 'boolean' }).notNull().default(false),
  joinedAt: integer({ mode: 'timestamp_ms' }),
  settings: text({ mode: 'json' }).$type<{ theme: string }>(),
  picture: blob({ mode: 'buffer' }),
})

const orders = sqliteTable('orders', {
  id: integer().primaryKey(),
  userId: integer()
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' }),
  total: real().notNull(),
  note: text(),
})

const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, email TEXT NOT NULL, name TEXT NOT NULL,
       isAdmin INTEGER DEFAULT false NOT NULL, joinedAt INTEGER, settings TEXT, picture BLOB)`,
    'CREATE UNIQUE INDEX users_email_unique ON users (email)',
  ],
  ['CREATE TABLE orders (id INTEGER PRIMARY KEY NOT NULL, userId INTEGER NOT NULL, total REAL NOT NULL, note TEXT)'],
  // As drizzle-kit changes a table that SQLite can't alter.
  [
    'PRAGMA foreign_keys=OFF',
    `CREATE TABLE __new_orders (id INTEGER PRIMARY KEY NOT NULL, userId INTEGER NOT NULL, total REAL NOT NULL,
       note TEXT, FOREIGN KEY (userId) REFERENCES users(id) ON UPDATE no action ON DELETE cascade)`,
    'INSERT INTO __new_orders (id, userId, total, note) SELECT id, userId, total, note FROM orders',
    'DROP TABLE orders',
    'ALTER TABLE __new_orders RENAME TO orders',
    'PRAGMA foreign_keys=ON',
    'CREATE INDEX orders_user ON orders (userId)',
  ],
]

/** Writes migrations as drizzle-kit lays them out. */
function writeMigrations(folder: string, count: number): string {
  const path = join(folder, 'drizzle')
  mkdirSync(join(path, 'meta'), { recursive: true })
  const entries = MIGRATIONS.slice(0, count).map((statements, idx) => {
    const tag = `000${idx}_step`
    writeFileSync(join(path, `${tag}.sql`), statements.join(';--> statement-breakpoint\n'))
    return { idx, version: '6', when: 1_700_000_000_000 + idx, tag, breakpoints: true }
  })
  writeFileSync(join(path, 'meta', '_journal.json'), JSON.stringify({ version: '7', dialect: 'sqlite', entries }))
  return path
}

test.each(FORMATS)(
  'Drizzle works on the database of a leader as on any, and its followers by %s end equal',
  { timeout: 60_000 },
  async (format) => {
    const { leader, folder, expectEqual, expectUnsafe } = await openWorld(format)
    const db = openDrizzle(leader, { users, orders })

    migrate(db, { migrationsFolder: writeMigrations(folder, 2) })
    await expectEqual()

    const rows = db
      .insert(users)
      .values([
        { email: 'ada@x.org', name: 'Ada', joinedAt: new Date(1_700_000_000_123), settings: { theme: 'dark' } },
        { email: 'bob@x.org', name: "Bob; DROP TABLE users; --'", isAdmin: true, picture: Buffer.from([0, 1, 255]) },
      ])
      .returning()
      .all()
    expect(rows.map(({ id }) => id)).toEqual([1, 2])
    await expectEqual()

    const again = { email: 'ada@x.org', name: 'Ada L.' }
    db.insert(users)
      .values(again)
      .onConflictDoUpdate({ target: users.email, set: { name: sql`excluded.name` } })
      .run()
    db.insert(users).values(again).onConflictDoNothing().run()
    const insertOrder = db
      .insert(orders)
      .values({ userId: 1, total: sql.placeholder('total') })
      .prepare()
    for (const total of [9.5, 0, 1e300]) expect(insertOrder.run({ total }).changes).toBe(1)
    await expectEqual()

    db.transaction((outer) => {
      outer.update(users).set({ isAdmin: true }).where(eq(users.id, 1)).run()
      outer.transaction((inner) => inner.insert(orders).values({ userId: 2, total: 3 }).run())
      expect(() =>
        outer.transaction((inner) => {
          inner.delete(orders).run()
          inner.rollback()
        }),
      ).toThrow()
    })
    expect(() =>
      db.transaction(
        (all) => {
          all.delete(users).run()
          throw new Error('no')
        },
        { behavior: 'immediate' },
      ),
    ).toThrow('no')
    expect(db.select().from(orders).all()).toHaveLength(4)
    await expectEqual()

    db.run(sql`UPDATE users SET name = upper(name) WHERE email = ${'bob@x.org'}`)
    expect(db.get<{ name: string }>(sql`SELECT name FROM users WHERE id = 2`).name).toContain('BOB')
    migrate(db, { migrationsFolder: writeMigrations(folder, 3) })
    db.insert(orders).values({ userId: 1, total: 2, note: 'after' }).run()
    db.delete(users).where(eq(users.id, 2)).run()
    expect(db.select({ note: orders.note }).from(orders).all()).toEqual([
      ...[1, 2, 3].map(() => ({ note: null })),
      { note: 'after' },
    ])
    await expectEqual()
    await expectUnsafe([])
  },
)
