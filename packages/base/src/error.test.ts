import { expect, test } from 'vitest'
import { ERRORS, StemmaError } from './error.ts'

test('an error carries its code, what to do, the facts and the cause', () => {
  const cause = new Error('disk')
  const error = new StemmaError('DAMAGED_ENTRY', 'it is torn', { offset: 3 }, cause)
  expect(error).toMatchObject({ code: 'DAMAGED_ENTRY', recovery: 'resync', details: { offset: 3 }, cause })
  expect(error.hint).toBe(ERRORS.DAMAGED_ENTRY.hint)
})

test('an error made by another copy of the package is still known', () => {
  const foreign = Object.assign(new Error('x'), { name: 'StemmaError', code: 'DAMAGED_FILE' })
  expect(StemmaError.is(foreign)).toBe(true)
  expect(StemmaError.is(foreign, 'DAMAGED_FILE')).toBe(true)
  expect(StemmaError.is(foreign, 'DAMAGED_ENTRY')).toBe(false)
  expect(StemmaError.is(new Error('x'))).toBe(false)
})

test.each(Object.entries(ERRORS))('%s says what to do, as a sentence', (_code, { hint }) => {
  expect(hint).toMatch(/^[A-Z`].{20,}[.!?]$/s)
})
