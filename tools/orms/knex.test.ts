import type { Knex } from 'knex'
import { expect, test } from 'vitest'
import { openKnex } from './open-knex.ts'
import { FORMATS, openWorld } from './world.ts'

const MIGRATIONS: Readonly<Record<string, Knex.Migration>> = {
  one: {
    async up(db) {
      await db.schema.createTable('account', (table) => {
        table.increments('id')
        table.string('email').notNullable().unique()
        table.decimal('balance').notNullable().defaultTo(0)
        table.boolean('open').defaultTo(true)
        table.binary('key')
      })
    },
    async down(db) {
      await db.schema.dropTable('account')
    },
  },
  two: {
    async up(db) {
      await db.schema.createTable('transfer', (table) => {
        table.increments('id')
        table.integer('account').notNullable().references('account.id').onDelete('CASCADE')
        table.float('amount').index()
        table.string('note')
        table.string('old')
      })
    },
    async down(db) {
      await db.schema.dropTable('transfer')
    },
  },
  // SQLite can't do these by ALTER TABLE: Knex makes the table anew.
  three: {
    async up(db) {
      await db.schema.alterTable('transfer', (table) => {
        table.dropColumn('old')
        table.renameColumn('amount', 'cents')
        table.string('note').notNullable().defaultTo('-').alter()
      })
    },
    async down() {},
  },
}
function migrationsUpTo(last: string): Knex.MigratorConfig {
  const names = Object.keys(MIGRATIONS)
  return {
    migrationSource: {
      getMigrations: () => Promise.resolve(names.slice(0, names.indexOf(last) + 1)),
      getMigrationName: (name: string) => name,
      getMigration: (name: string) => Promise.resolve(MIGRATIONS[name]!),
    },
  }
}

test.each(FORMATS)(
  'Knex works on the database of a leader as on any, and its followers by %s end equal',
  { timeout: 60_000 },
  async (format) => {
    const { leader, expectEqual, expectUnsafe } = await openWorld(format)
    const db = openKnex(leader)

    await db.migrate.latest(migrationsUpTo('one'))
    await db.migrate.rollback(migrationsUpTo('one'))
    await db.migrate.latest(migrationsUpTo('two'))
    await expectEqual()

    expect(await db('account').insert({ email: 'ada@x.org', balance: 10, key: Buffer.from([7]) }, ['id', 'open'])).toEqual([
      { id: 1, open: 1 },
    ])
    await db('account').insert([
      { email: 'bob@x.org', balance: 0 },
      { email: 'eve@x.org', balance: 0.1 },
    ])
    await db('account').insert({ email: 'ada@x.org', balance: 11 }).onConflict('email').merge()
    await db('account').insert({ email: 'eve@x.org', balance: 12 }).onConflict('email').ignore()
    await db.batchInsert(
      'transfer',
      Array.from({ length: 250 }, (_, i) => ({ account: (i % 3) + 1, amount: i / 8, note: `n${i}` })),
      100,
    )
    await expectEqual()

    await db.transaction(async (outer) => {
      await outer('account').where({ id: 1 }).decrement('balance', 4)
      await outer('account').where({ id: 2 }).increment('balance', 4)
      await outer.transaction(async (inner) => void (await inner('transfer').insert({ account: 1, amount: -4, note: 'inner' })))
      await expect(
        outer.transaction(async (inner) => {
          await inner('transfer').delete()
          throw new Error('inner')
        }),
      ).rejects.toThrow('inner')
    })
    await expect(
      db.transaction(async (all) => {
        await all('account').delete()
        throw new Error('outer')
      }),
    ).rejects.toThrow('outer')
    expect(await db('account').sum({ all: 'balance' })).toEqual([{ all: 11.1 }])
    expect(await db('transfer').count({ all: '*' })).toEqual([{ all: 251 }])
    await expectEqual()

    await db.migrate.latest(migrationsUpTo('three'))
    expect(Object.keys(await db('transfer').columnInfo())).toEqual(['id', 'account', 'cents', 'note'])
    await db.raw('UPDATE transfer SET note = upper(??) WHERE id <= ?', ['note', 5])
    await db('account').where('email', 'like', 'eve%').delete()
    expect(await db('transfer').where({ account: 3 })).toEqual([])
    await expectEqual()
    await expectUnsafe([])

    await db.destroy()
    expect(leader.database.open).toBe(true)
  },
)
