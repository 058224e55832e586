import fc from 'fast-check'
import { expect, test } from 'vitest'
import { packSql, unpackSql } from './sql-words.ts'

test('SQL in ASCII comes out again', () => {
  const part = fc.oneof(
    fc.constantFrom('INSERT INTO ', 'SELECT ', '?, ', ') VALUES (', 'name', 'id', ' = ?'),
    fc.string({ unit: 'binary-ascii' }),
  )
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const sql = parts.join('')
      expect(unpackSql(packSql(sql)!)).toBe(sql)
    }),
  )
})

test('each byte from 128 on is one word, and packs to itself', () => {
  const words = Array.from({ length: 128 }, (_, i) => unpackSql(Uint8Array.of(128 + i))).filter((word) => word !== undefined)
  expect(new Set(words).size).toBe(words.length)
  expect(words.length).toBeGreaterThan(100)
  for (const word of words) expect([word, packSql(word)!.byteLength]).toEqual([word, 1])
})

test('what is no word, and what is not ASCII, is told', () => {
  expect(unpackSql(Uint8Array.of(255))).toBeUndefined()
  expect(packSql('SELECT é')).toBeUndefined()
})
