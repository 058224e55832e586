import { sql, type Generated } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import { expect, test } from 'vitest'
import { openKysely } from './open-kysely.ts'
import { FORMATS, openWorld } from './world.ts'

interface Tables {
  readonly person: {
    readonly id: Generated<number>
    readonly name: string
    readonly age: number | null
    readonly seen: Generated<number>
  }
  readonly pet: { readonly owner: number; readonly name: string; readonly kind: string }
}

const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '1-person': {
    async up(db) {
      await db.schema
        .createTable('person')
        .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
        .addColumn('name', 'text', (column) => column.notNull().unique())
        .addColumn('age', 'integer')
        .execute()
    },
  },
  '2-pet': {
    async up(db) {
      await db.schema
        .createTable('pet')
        .addColumn('owner', 'integer', (column) => column.references('person.id').onDelete('cascade').notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('kind', 'text', (column) => column.notNull().defaultTo('cat'))
        .addPrimaryKeyConstraint('pet_key', ['owner', 'name'])
        .execute()
      await db.schema.createIndex('pet_kind').on('pet').column('kind').execute()
    },
    async down(db) {
      await db.schema.dropTable('pet').execute()
    },
  },
  '3-seen': {
    async up(db) {
      await db.schema
        .alterTable('person')
        .addColumn('seen', 'integer', (column) => column.notNull().defaultTo(0))
        .execute()
    },
  },
}

test.each(FORMATS)(
  'Kysely works on the database of a leader as on any, and its followers by %s end equal',
  { timeout: 60_000 },
  async (format) => {
    const { leader, expectEqual, expectUnsafe } = await openWorld(format)
    const db = openKysely<Tables>(leader)
    const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve({ ...MIGRATIONS }) } })

    expect((await migrator.migrateTo('2-pet')).error).toBeUndefined()
    await expectEqual()
    expect((await migrator.migrateDown()).error).toBeUndefined()
    expect((await migrator.migrateToLatest()).error).toBeUndefined()
    await expectEqual()

    const { id } = await db.insertInto('person').values({ name: 'Ada', age: 36 }).returning('id').executeTakeFirstOrThrow()
    const two = db.insertInto('person').values([
      { name: 'Bob', age: null },
      { name: 'Çelik ✓', age: 2 ** 40 },
    ])
    expect((await two.executeTakeFirst()).insertId).toBe(3n)
    await db
      .insertInto('person')
      .values({ name: 'Ada', age: 37 })
      .onConflict((on) => on.column('name').doUpdateSet((set) => ({ age: set.ref('excluded.age'), seen: sql`seen + 1` })))
      .execute()
    await db
      .insertInto('person')
      .values({ name: 'Bob', age: 1 })
      .onConflict((on) => on.doNothing())
      .execute()
    await expectEqual()

    await db.transaction().execute(async (all) => {
      await all.insertInto('pet').values({ owner: id, name: 'Tom', kind: 'cat' }).execute()
      const { numUpdatedRows } = await all.updateTable('person').set({ seen: 5 }).where('id', '=', 2).executeTakeFirstOrThrow()
      expect(numUpdatedRows).toBe(1n)
    })
    await expect(
      db.transaction().execute(async (all) => {
        await all.deleteFrom('person').execute()
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    await expectEqual()

    const steps = await db.startTransaction().execute()
    await steps.insertInto('pet').values({ owner: 2, name: 'Rex', kind: 'dog' }).execute()
    const inner = await steps.savepoint('inner').execute()
    await inner.deleteFrom('pet').execute()
    await (await inner.rollbackToSavepoint('inner').execute()).releaseSavepoint('inner').execute()
    await steps.commit().execute()
    expect(await db.selectFrom('pet').select('name').orderBy('name').execute()).toEqual([{ name: 'Rex' }, { name: 'Tom' }])
    await expectEqual()

    await sql`UPDATE person SET name = upper(name) WHERE id = ${id}`.execute(db)
    await sql`CREATE VIEW grown AS SELECT * FROM person WHERE age > 17`.execute(db)
    await db
      .insertInto('pet')
      .columns(['owner', 'name'])
      .expression((from) => from.selectFrom('person').select(['id', 'name']).where('age', 'is', null))
      .execute()
    await db.deleteFrom('person').where('id', '=', 2).execute()
    expect(await db.selectFrom('pet').selectAll().execute()).toEqual([{ owner: id, name: 'Tom', kind: 'cat' }])
    await expectEqual()
    // Pets are numbered in the order in which the SELECT finds their owners.
    await expectUnsafe([/^insert into "pet" .* select /])
  },
)
