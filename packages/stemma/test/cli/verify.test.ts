import { expect, test } from 'vitest'
import { failure, start } from './world.ts'

const position = { epoch: 1, sequence: 42 }

test('the same is said with what was compared, and is 0', async () => {
  const run = start('verify tcp://h:1 copy.db', { verified: { kind: 'same', position, tables: 5, rows: 1234 } })
  expect(await run.exitCode).toBe(0)
  expect(run.output()).toBe('the same at 1:42: 5 tables, 1,234 rows\n')
})

test('a difference names table and row, and is 3', async () => {
  const verified = {
    kind: 'differs',
    position,
    name: 'user',
    what: 'a row of the copy is another',
    leader: '{"id":1}',
    copy: '{"id":2}',
  } as const
  const run = start('verify tcp://h:1 copy.db', { verified })
  expect(await run.exitCode).toBe(3)
  expect(run.output()).toBe('differs at 1:42, user: a row of the copy is another\n  leader  {"id":1}\n  copy    {"id":2}\n')
  const program = start('verify tcp://h:1 copy.db --json --table user', { verified })
  expect(await program.exitCode).toBe(3)
  expect(program.records()).toEqual([{ ...verified, position: '1:42' }])
})

test('not being able to tell is neither', async () => {
  expect(await start('verify app.db copy.db', { failure: failure('CANNOT_COMPARE', 'no') }).exitCode).toBe(1)
})
