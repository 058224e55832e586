import { showPosition } from '@stemma/base'
import type { VerifyResult } from '../verify/verify-result.ts'
import { showMany } from './quantity.ts'

/** What came of comparing a copy, for people. */
export function showVerified(result: VerifyResult): string[] {
  const at = showPosition(result.position)
  if (result.kind === 'same') {
    const { tables, rows } = result
    return [tables === 0 ? `the same at ${at}` : `the same at ${at}: ${showMany(tables, 'table')}, ${showMany(rows, 'row')}`]
  }
  const { name, what, leader, copy } = result
  return [
    `differs at ${at}${name === undefined ? '' : `, ${name}`}: ${what}`,
    ...(leader === undefined ? [] : [`  leader  ${leader}`]),
    ...(copy === undefined ? [] : [`  copy    ${copy}`]),
  ]
}
