import { expect, test } from 'vitest'
import { CATALOGUE } from '../../test/catalogue.ts'
import { classifyIn } from '../../test/database.ts'

test('the catalogue has 57 rows', () => {
  expect(new Set(CATALOGUE.map(({ number }) => number)).size).toBe(57)
})

test.each(CATALOGUE)('$number $what: $safety, $code', ({ setup = '', statement, userFunction, safety, code }) => {
  const verdict = classifyIn(setup, statement, userFunction === undefined ? [] : [userFunction])
  expect({ safety: verdict.safety, codes: verdict.findings.map((each) => each.code) }).toEqual({
    safety,
    codes: expect.arrayContaining([code]),
  })
})
