import { expect, test } from 'vitest'
import { formatNameOf } from './index.ts'

test.each([
  ['my-format', 'my-format'],
  ['/somewhere/stemma-format-avro', 'avro'],
])('a format in %s is called %s', (folder, name) => {
  expect(formatNameOf(folder)).toBe(name)
})

test.each(['My-Format', 'a'.repeat(33), 'a b', '7', ''])('no format can be called %j', (folder) => {
  expect(() => formatNameOf(folder)).toThrow(/can't be called/)
})
