import { StemmaError, type TextEncoding } from '@stemma/base'
import { BUCKETS } from './tally.ts'
import type { DigestsAnswer, RowsAnswer, ToldTally } from './verify-questions.ts'

// What a leader answers is looked at before it is believed.

/** @throws StemmaError PROTOCOL_MESSAGE */
export function checkEncoding(answer: unknown): TextEncoding {
  if (answer === 'utf-8' || answer === 'utf-16le' || answer === 'utf-16be') return answer
  throw nonsense()
}

/** @throws StemmaError PROTOCOL_MESSAGE */
export function checkDigests(answer: unknown): DigestsAnswer {
  const { tables, schema } = (answer ?? {}) as Record<string, unknown>
  const isSound =
    isList(tables, (each) => isRecord(each) && typeof each['name'] === 'string' && isTally(each['tally'])) &&
    isList(schema, (each) => isTexts(each, 2))
  if (!isSound) throw nonsense()
  return answer as DigestsAnswer
}

/** @throws StemmaError PROTOCOL_MESSAGE */
export function checkTallies(answer: unknown): readonly ToldTally[] {
  if (!isList(answer, isTally) || answer.length !== BUCKETS) throw nonsense()
  return answer as readonly ToldTally[]
}

/** @throws StemmaError PROTOCOL_MESSAGE */
export function checkRows(answer: unknown): RowsAnswer {
  if (!isRecord(answer) || typeof answer['complete'] !== 'boolean' || !isList(answer['rows'], (each) => isTexts(each, 3)))
    throw nonsense()
  return answer as unknown as RowsAnswer
}

function isList(value: unknown, isItem: (each: unknown) => boolean): value is readonly unknown[] {
  return Array.isArray(value) && value.every(isItem)
}

function isTally(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && Number.isSafeInteger(value[0]) && typeof value[1] === 'string'
}

function isTexts(value: unknown, count: number): boolean {
  return Array.isArray(value) && value.length === count && value.every((each) => typeof each === 'string')
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function nonsense(): StemmaError {
  return new StemmaError('PROTOCOL_MESSAGE', 'the answer about tables makes no sense')
}
