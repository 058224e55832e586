import type { AstNode, Expr, QualifiedName, TriggerCmd } from 'sqlite3-parser'
import { type Analysis, drawing, through } from './analysis.ts'
import { type ChangeFacts, judgeChange } from './changes.ts'
import { walk } from './expressions.ts'
import type { TriggerFacts } from './schema-facts.ts'
import { type Scope, newScope } from './scope.ts'
import { bare, childrenOf, conjuncts, fold, placeOf } from './syntax.ts'
import { openSource, sourceOf } from './tables.ts'
import { openReport } from './verdict.ts'

interface FiredTrigger {
  readonly trigger: TriggerFacts
  readonly commands: readonly JudgedCommand[]
}

interface JudgedCommand {
  readonly command: TriggerCmd
  /** Undefined for a SELECT. */
  readonly change: ChangeFacts | undefined
  /** Tables that it reads besides the one that it changes. */
  readonly reads: ReadonlySet<string>
}

/**
 * Looks at the triggers that a change fires.
 *
 * @param fired - those that SQLite's program shows, with those that they fire in turn.
 * @returns changes in their bodies.
 */
export function judgeTriggers(analysis: Analysis, main: ChangeFacts, fired: readonly TriggerFacts[]): ChangeFacts[] {
  if (fired.length === 0) {
    judgeSettings(analysis, main, [])
    return []
  }
  const place = placeOf(main.target)
  const read = new Set(analysis.reads)
  const all = fired.map((trigger) => ({ trigger, commands: judgeBody(silent(analysis), trigger, main.target) }))
  const changes = all.flatMap(({ commands }) => commands.flatMap(({ change }) => change ?? []))
  const ordered = orderedTables(analysis, main, all)
  for (const { trigger } of all) {
    if (trigger.database === 'temp') analysis.report.add('TEMP_TRIGGER', place, trigger.name)
    const isOrdered = ordered(trigger.table)
    judgeBody(drawing(analysis, isOrdered ? 'once' : 'varying'), trigger, main.target)
    if (!isOrdered && !isOrderFree(trigger, all))
      analysis.report.through(`trigger ${trigger.name}`, place).add('TRIGGER_ROW_ORDER', place)
  }
  const readsWhatTheyWrite = changes.some(({ target }) => read.has(nameOf(target)))
  if (!main.isOrdered && readsWhatTheyWrite) analysis.report.add('TRIGGER_ROW_ORDER', place)
  judgeSettings(analysis, main, all)
  return changes
}

function nameOf({ objName }: QualifiedName): string {
  return fold(objName.text)
}

function silent(analysis: Analysis): Analysis {
  return { ...analysis, report: openReport(), reads: new Set() }
}

function judgeBody(analysis: Analysis, trigger: TriggerFacts, target: QualifiedName): JudgedCommand[] {
  const { statement, sql, name } = trigger
  const inside = through(analysis, `trigger ${name}`, { place: placeOf(target), text: sql })
  return judgeTrigger(inside, trigger, statement.commands)
}

/** Looks at the WHEN clause and the commands of a trigger, by places in its own SQL. */
export function judgeTrigger(analysis: Analysis, trigger: TriggerFacts, commands: readonly TriggerCmd[]): JudgedCommand[] {
  const outer = scopeOfRow(analysis, trigger)
  walk(analysis, trigger.statement.whenClause, outer)
  return commands.map((command) => {
    const reads = new Set<string>()
    const own: Analysis = { ...analysis, reads }
    if (command.type !== 'SelectTriggerCmd') return { command, change: judgeChange(own, command, outer), reads }
    own.select(own, command.select, { outer, use: 'rows' })
    return { command, change: undefined, reads }
  })
}

/** NEW and OLD. */
function scopeOfRow({ schema }: Analysis, { table, database }: TriggerFacts): Scope {
  const scope = newScope()
  const relation = (database === 'main' ? schema.relation(table, 'main') : undefined) ?? schema.relation(table)
  for (const name of ['new', 'old']) {
    scope.sources.push(relation?.kind === 'table' ? { ...sourceOf(relation.table, name), keys: [] } : openSource(name))
  }
  return scope
}

/** Tables that all changes come to row by row in a fixed order. */
function orderedTables({ schema }: Analysis, main: ChangeFacts, all: readonly FiredTrigger[]): (table: string) => boolean {
  const written = new Set([
    nameOf(main.target),
    ...all.flatMap(({ commands }) => commands.flatMap(({ change }) => (change === undefined ? [] : [nameOf(change.target)]))),
  ])
  // A foreign key changes the rows that refer to one in any order.
  const children = schema
    .tables()
    .filter(({ foreignKeys }) => foreignKeys.some(({ parent, acts }) => acts && written.has(parent)))
  const unordered = new Set(children.map(({ name }) => name))
  if (!main.isOrdered) unordered.add(nameOf(main.target))
  for (let before = -1; before !== unordered.size;) {
    before = unordered.size
    for (const { trigger, commands } of all) {
      for (const { change } of commands) {
        if (change !== undefined && (!change.isOrdered || unordered.has(trigger.table))) unordered.add(nameOf(change.target))
      }
    }
  }
  return (table) => !unordered.has(table)
}

/** Whether a trigger does the same whatever the order of the rows that it fires for. */
function isOrderFree({ name, statement }: TriggerFacts, all: readonly FiredTrigger[]): boolean {
  const mine = all.find(({ trigger }) => trigger.name === name)?.commands ?? []
  const changes = all.flatMap(({ commands }) => commands.flatMap(({ change }) => change ?? []))
  const written = new Set(changes.map(({ target }) => nameOf(target)))
  if (statement.whenClause !== undefined && hasSelect(statement.whenClause)) return false
  return mine.every(({ command, change, reads }) => {
    if ([...reads].some((table) => written.has(table)) || failsHalfWay(command)) return false
    if (change === undefined) return true
    const kinds = new Set(changes.filter(({ target }) => nameOf(target) === nameOf(change.target)).map(({ event }) => event))
    return kinds.size === 1 && reads.size === 0 && commutes(command, change, statement.tblName)
  })
}

function hasSelect(node: AstNode): boolean {
  return node.type === 'Select' || childrenOf(node).some(hasSelect)
}

function failsHalfWay(node: AstNode): boolean {
  return (node.type === 'RaiseExpr' && node.resolve === 'Fail') || childrenOf(node).some(failsHalfWay)
}

/** Whether doing it for one row and then for another is the same as the other way round. */
function commutes(command: TriggerCmd, change: ChangeFacts, fires: QualifiedName): boolean {
  const table = change.relation?.kind === 'table' ? change.relation.table : undefined
  if (table === undefined) return false
  switch (command.type) {
    case 'DeleteTriggerCmd':
      return true
    case 'InsertTriggerCmd': {
      const settles = command.upsert !== undefined || (command.orConflict !== undefined && command.orConflict !== 'Abort')
      return change.isOrdered && !change.picksRowid && !settles && table.conflictClauses.size === 0
    }
    case 'UpdateTriggerCmd': {
      const { uniqueColumns } = table
      const setsKey = uniqueColumns === undefined || [...change.sets].some((column) => uniqueColumns.has(column))
      const isOwnRow =
        nameOf(command.tblName) === nameOf(fires) &&
        table.keys.some((key) => key.columns.every((column) => comparesOwn(command.whereClause, column)))
      return isOwnRow && !setsKey && command.from === undefined
    }
    case 'SelectTriggerCmd':
      return true
  }
}

/** `id = NEW.id`. */
function comparesOwn(condition: Expr | undefined, column: string): boolean {
  return conjuncts(condition).some((term) => {
    if (term.type !== 'BinaryExpr' || term.op !== 'Equals') return false
    const sides = [bare(term.left), bare(term.right)]
    const isRow = (each: Expr): boolean =>
      each.type === 'QualifiedExpr' && ['new', 'old'].includes(fold(each.table.text)) && fold(each.column.text) === column
    return sides.some(isRow) && sides.some((each) => !isRow(each) && columnName(each) === column)
  })
}

function columnName(expr: Expr): string | undefined {
  return expr.type === 'Id' ? fold(expr.name) : expr.type === 'QualifiedExpr' ? fold(expr.column.text) : undefined
}

/** Settings of the connection that decide which triggers fire, and in which order. */
function judgeSettings(analysis: Analysis, main: ChangeFacts, all: readonly FiredTrigger[]): void {
  const { report, schema } = analysis
  const place = placeOf(main.target)
  const moments = all.map(({ trigger: { table, event, time } }) => `${table} ${event} ${time}`)
  if (new Set(moments).size < moments.length) report.add('SEVERAL_TRIGGERS', place)
  const changes = [main, ...all.flatMap(({ commands }) => commands.flatMap(({ change }) => change ?? []))]
  const firesDeletes = changes.some(
    ({ replaces, target }) => replaces && schema.triggersOn(nameOf(target)).some(({ event }) => event === 'delete'),
  )
  const firesAgain = changes
    .slice(1)
    .some(({ event, target }) => all.some(({ trigger }) => trigger.table === nameOf(target) && trigger.event === event))
  if (firesDeletes || firesAgain) report.add('RECURSIVE_TRIGGERS', place)
}
