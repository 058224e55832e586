export { newClassifier, type Classifier } from './classify/classifier.ts'
export { SAFETIES, STATEMENT_CODES, type CodeEntry, type Safety, type StatementCode } from './classify/codes.ts'
export type { Opcode, SchemaRow, StatementPort } from './classify/port.ts'
export {
  openSqlitePort,
  schemaVersionOf,
  type SqlDatabase,
  type SqlStatement,
  type SqlitePortOptions,
} from './classify/sqlite-port.ts'
export { splitStatements, type ScriptStatement } from './classify/syntax.ts'
export type { PureContext } from './classify/opcodes.ts'
export type { Finding, Place, Verdict } from './classify/verdict.ts'
export { newStatementFormat, type StatementFormatOptions, type StatementPolicy } from './format/statement-format.ts'
