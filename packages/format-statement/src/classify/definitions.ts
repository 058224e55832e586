import type { Stmt } from 'sqlite3-parser'
import type { Analysis } from './analysis.ts'
import { walk, walkAll } from './expressions.ts'
import { tableScope } from './from.ts'
import { triggerOf } from './schema-facts.ts'
import { newScope } from './scope.ts'
import { openSource, sourceOf } from './tables.ts'
import { readTable } from './table-facts.ts'
import { judgeTrigger } from './triggers.ts'

/** Looks at what a definition keeps for later: defaults, CHECKs and generated columns, the SELECT of a view, the body of a trigger. */
export function judgeKept(analysis: Analysis, statement: Stmt): void {
  switch (statement.type) {
    case 'CreateTableStmt': {
      const table = readTable(statement, [], 'main')
      for (const { defaultValue } of table?.columns ?? []) walk(analysis, defaultValue, newScope())
      if (table !== undefined) walkAll(analysis, table.expressions, tableScope(sourceOf(table, table.name)))
      return
    }
    case 'CreateIndexStmt': {
      const scope = tableScope(openSource(''))
      walkAll(analysis, statement.columns, scope)
      walk(analysis, statement.whereClause, scope)
      return
    }
    case 'CreateViewStmt':
      analysis.select(analysis, statement.select, { outer: undefined, use: 'rows' })
      return
    case 'CreateTriggerStmt':
      judgeTrigger(analysis, triggerOf(statement, analysis.text), statement.commands)
      return
    default:
  }
}
