import { StemmaError, type Position } from '@stemma/base'
import type { SchemaAnswer, SchemaRequest } from './schema-at.ts'

/** No question names more tables. */
const TABLES_MAX = 1000

/**
 * Checks what came as a question about the schema.
 *
 * @throws StemmaError BAD_ARGUMENT
 */
export function checkSchemaRequest(question: Readonly<Record<string, unknown>>): SchemaRequest {
  const { position, schemaVersion, tables } = question
  const names = Array.isArray(tables) ? (tables as readonly unknown[]) : []
  const isSound =
    isPosition(position) &&
    Number.isSafeInteger(schemaVersion) &&
    names.length > 0 &&
    names.length <= TABLES_MAX &&
    names.every((name) => typeof name === 'string')
  if (!isSound)
    throw new StemmaError('BAD_ARGUMENT', 'a question about the schema names a position, a schema version, and tables')
  return { position, schemaVersion: schemaVersion as number, tables: names }
}

/** Checks a position that came as JSON. */
export function isPosition(value: unknown): value is Position {
  if (typeof value !== 'object' || value === null) return false
  const { epoch, sequence } = value as Record<string, unknown>
  return Number.isSafeInteger(epoch) && Number(epoch) >= 1 && Number.isSafeInteger(sequence) && Number(sequence) >= 0
}

/**
 * Checks what came as the answer.
 *
 * @throws StemmaError PROTOCOL_MESSAGE
 */
export function checkSchemaAnswer(answer: unknown): SchemaAnswer {
  const { textEncoding, tables } = (answer ?? {}) as Record<string, unknown>
  const list = Array.isArray(tables) ? (tables as readonly Record<string, unknown>[]) : undefined
  const isSound =
    (textEncoding === 'utf-8' || textEncoding === 'utf-16le' || textEncoding === 'utf-16be') &&
    list !== undefined &&
    list.every((table) => typeof table?.['name'] === 'string' && typeof table['sql'] === 'string')
  if (!isSound) throw new StemmaError('PROTOCOL_MESSAGE', 'the answer about the schema makes no sense')
  return { textEncoding, tables: list as unknown as SchemaAnswer['tables'] }
}
