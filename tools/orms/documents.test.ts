import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

test.each(['drizzle', 'kysely', 'knex'])('docs/orms.md shows how %s is opened in the tests', (library) => {
  const shown = readFileSync(new URL('../../docs/orms.md', import.meta.url), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)
  const used = readFileSync(new URL(`open-${library}.ts`, import.meta.url), 'utf8')
  expect(Array.from(shown, (match) => match[1])).toContain(used)
})
