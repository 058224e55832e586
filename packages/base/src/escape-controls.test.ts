import { expect, test } from 'vitest'
import { escapeControls } from './escape-controls.ts'

test.each([
  ['two\nlines', 'two\\u{a}lines'],
  ['\u001b[2J', '\\u{1b}[2J'],
  ['a\u202eb\u2028c', 'a\\u{202e}b\\u{2028}c'],
  ['grün 😀', 'grün 😀'],
])('%j is told as %j', (text, told) => {
  expect(escapeControls(text)).toBe(told)
})
