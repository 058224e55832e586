import type { Safety } from '@stemma/log'

export type { Safety } from '@stemma/log'

/** From the best to the worst. */
export const SAFETIES: readonly Safety[] = ['safe', 'context', 'record', 'rows', 'reject']

/** What is known of a code. */
export interface CodeEntry {
  readonly safety: Safety
  /** One sentence: what may differ, and by what. */
  readonly why: string
  /** What to write instead. */
  readonly instead: string
}

/**
 * Every reason for which a statement may do something else on a copy.
 *
 * A code keeps its meaning for as long as the package keeps its major version; sentences may change in any release.
 */
export type StatementCode =
  | 'AUTOINCREMENT'
  | 'CASE_SENSITIVE_LIKE'
  | 'CHECK_CONSTRAINTS'
  | 'FOREIGN_KEYS'
  | 'RECURSIVE_TRIGGERS'
  | 'SEVERAL_TRIGGERS'
  | 'SQLITE_VERSION'
  | 'TEXT_ENCODING'
  | 'TIME_ZONE'
  | 'CLOCK'
  | 'CLOCK_HIDDEN'
  | 'CONNECTION_STATE'
  | 'RANDOM_VALUE'
  | 'RECORDABLE_FUNCTION'
  | 'ATTACHED_DATABASE'
  | 'BARE_COLUMN'
  | 'BUILD_DEPENDENT'
  | 'CASCADE_ORDER'
  | 'CONFLICT_WITHOUT_ORDER'
  | 'CREATE_TABLE_AS_SELECT'
  | 'EQUAL_NOT_SAME'
  | 'IMPLICIT_ROWID'
  | 'LIBM_FUNCTION'
  | 'LIMIT_WITHOUT_ORDER'
  | 'ORDER_DEPENDENT_AGGREGATE'
  | 'PLANNER_STATISTICS'
  | 'PRAGMA_UNKNOWN'
  | 'REAL_AGGREGATE'
  | 'ROWID_EXHAUSTED'
  | 'ROWID_FROM_SELECT'
  | 'SCALAR_SUBQUERY_MANY'
  | 'SELF_READ'
  | 'SYSTEM_TABLE'
  | 'TEMP_TABLE'
  | 'TEMP_TRIGGER'
  | 'TRIGGER_ROW_ORDER'
  | 'UNIQUE_KEY_ORDER'
  | 'UNPARSED'
  | 'UPDATE_FROM_MANY'
  | 'UPSERT_WITHOUT_TARGET'
  | 'USER_COLLATION'
  | 'USER_FUNCTION'
  | 'VACUUM'
  | 'VALUE_PER_ROW'
  | 'VIRTUAL_TABLE'
  | 'WINDOW_TIES'
  | 'DOUBLE_QUOTED_STRING'
  | 'OUTSIDE_WORLD'
  | 'PRAGMA_FUNCTION'
  | 'SQL_ERROR'
  | 'TEMP_SHADOWS_MAIN'
  | 'WRITABLE_SCHEMA'

/** What each code means. `docs/lint.md` is written from this table. */
export const STATEMENT_CODES: Readonly<Record<StatementCode, CodeEntry>> = {
  AUTOINCREMENT: {
    safety: 'context',
    why: 'The next id comes from sqlite_sequence, which a copy made by INSERTs may lack.',
    instead: 'Nothing, if copies are made by Stemma; a copy made by hand needs the rows of sqlite_sequence too.',
  },
  CASE_SENSITIVE_LIKE: {
    safety: 'context',
    why: "LIKE compares by PRAGMA case_sensitive_like, a setting of the writer's connection.",
    instead: 'Nothing, the setting travels with the statement. GLOB never looks at it.',
  },
  CHECK_CONSTRAINTS: {
    safety: 'context',
    why: "Whether CHECKs hold is decided by PRAGMA ignore_check_constraints, a setting of the writer's connection.",
    instead: 'Nothing, the setting travels with the statement.',
  },
  FOREIGN_KEYS: {
    safety: 'context',
    why: "Whether foreign keys are checked and cascade is decided by PRAGMA foreign_keys, a setting of the writer's connection.",
    instead: 'Nothing, the setting travels with the statement.',
  },
  RECURSIVE_TRIGGERS: {
    safety: 'context',
    why: 'Whether triggers fire for rows that REPLACE deletes, and for what they themselves change, is decided by PRAGMA recursive_triggers.',
    instead: 'Nothing, the setting travels with the statement.',
  },
  SEVERAL_TRIGGERS: {
    safety: 'context',
    why: 'Several triggers fire for the same event, in the order of the schema table, which a schema built anew may not keep.',
    instead: 'Nothing, if copies are made by Stemma. Else put what must happen in order into one trigger.',
  },
  SQLITE_VERSION: {
    safety: 'context',
    why: 'What this function gives back changed between versions of SQLite.',
    instead: 'Nothing: copies take statements only if they run the same version, which is checked when they connect.',
  },
  TEXT_ENCODING: {
    safety: 'context',
    why: "The bytes of a text are those of the database's encoding, which PRAGMA encoding set when it was made.",
    instead: 'Nothing, if copies are made by Stemma; a copy made by hand needs the same encoding.',
  },
  TIME_ZONE: {
    safety: 'record',
    why: "The modifiers 'localtime' and 'utc' ask the time zone of the process.",
    instead: 'Keep times in UTC and convert them when they are shown.',
  },
  CLOCK: {
    safety: 'record',
    why: 'It reads the clock, which says something else when the statement is run again.',
    instead: 'Pass the time as a parameter.',
  },
  CLOCK_HIDDEN: {
    safety: 'record',
    why: "If the value that this date function is given happens to be 'now', it reads the clock.",
    instead: "Pass a time that was worked out by the program, or keep times as numbers and say 'unixepoch'.",
  },
  CONNECTION_STATE: {
    safety: 'record',
    why: 'It tells what this connection did before, and the connection of a copy did something else.',
    instead: "Take lastInsertRowid or changes from the statement's result, and pass it as a parameter.",
  },
  RANDOM_VALUE: {
    safety: 'record',
    why: 'It draws a random value, another one each time.',
    instead: 'Draw the value in the program, and pass it as a parameter.',
  },
  RECORDABLE_FUNCTION: {
    safety: 'record',
    why: "It calls a function of the program's own that was declared recordable.",
    instead: 'Nothing with the policy `record`. Else call it in the program, and pass the result as a parameter.',
  },
  ATTACHED_DATABASE: {
    safety: 'rows',
    why: 'It reads an attached database, which a copy does not have.',
    instead: 'Read in the program what is needed, and pass it as parameters; or keep the table in this database.',
  },
  BARE_COLUMN: {
    safety: 'rows',
    why: 'A column that is neither grouped by nor aggregated takes its value from any row of the group.',
    instead: 'Group by a key that decides the column, or say min() or max() of it.',
  },
  BUILD_DEPENDENT: {
    safety: 'rows',
    why: 'It tells how this SQLite was built or how this file is laid out, not what the database holds.',
    instead: 'Ask in the program, and pass the answer as a parameter.',
  },
  CASCADE_ORDER: {
    safety: 'rows',
    why: 'The table refers to itself, and it depends on the order of deletions whether a row is reached first by the statement or by its foreign key.',
    instead: 'Delete by primary key, one row a statement; or declare the key NO ACTION DEFERRABLE INITIALLY DEFERRED.',
  },
  CONFLICT_WITHOUT_ORDER: {
    safety: 'rows',
    why: 'Which of several rows wins a conflict depends on the order in which they come, and nothing fixes that order.',
    instead: 'Add ORDER BY with a unique key to the SELECT, or write one row a statement.',
  },
  CREATE_TABLE_AS_SELECT: {
    safety: 'rows',
    why: 'The new rows are numbered in the order in which the SELECT finds them, and nothing fixes that order.',
    instead: 'CREATE TABLE with a PRIMARY KEY first, then INSERT ... SELECT ... ORDER BY a unique key.',
  },
  EQUAL_NOT_SAME: {
    safety: 'rows',
    why: "Values that are equal but not the same ('a' and 'A' under NOCASE, 1 and 1.0) fall together, and which of them is shown depends on the order of rows.",
    instead: "Make them the same first, such as lower(x) or CAST(x AS TEXT), or declare the column's type.",
  },
  IMPLICIT_ROWID: {
    safety: 'rows',
    why: 'A table without INTEGER PRIMARY KEY has rowids that VACUUM and reloading change.',
    instead: 'Give the table an INTEGER PRIMARY KEY and use that.',
  },
  LIBM_FUNCTION: {
    safety: 'rows',
    why: 'It is worked out by the mathematics library of the machine, whose last digit differs between systems.',
    instead: 'Work it out in the program, and pass the result as a parameter.',
  },
  LIMIT_WITHOUT_ORDER: {
    safety: 'rows',
    why: 'LIMIT takes the first rows that are found, and nothing fixes which those are.',
    instead: 'Add ORDER BY that ends with a unique key, such as the primary key.',
  },
  ORDER_DEPENDENT_AGGREGATE: {
    safety: 'rows',
    why: 'The aggregate puts values together in the order in which rows come, and nothing fixes that order.',
    instead: 'Put ORDER BY with a unique key into the call: group_concat(x ORDER BY id).',
  },
  PLANNER_STATISTICS: {
    safety: 'rows',
    why: 'What ANALYZE writes depends on indexes, on settings of the connection, and on samples.',
    instead: 'Nothing: it goes as rows. To keep a copy as it is, do not ANALYZE on the leader.',
  },
  PRAGMA_UNKNOWN: {
    safety: 'rows',
    why: 'It is not known whether this PRAGMA changes what the database holds.',
    instead: 'Nothing: if it changes rows, those are replicated.',
  },
  REAL_AGGREGATE: {
    safety: 'rows',
    why: 'The sum of floating-point numbers depends on the order in which they are added, and these may be floating-point.',
    instead:
      'Sum integers (cents instead of euros): a STRICT table with an INTEGER column or CAST(x AS INTEGER) says so. Or fix the order: sum(x ORDER BY id).',
  },
  ROWID_EXHAUSTED: {
    safety: 'rows',
    why: 'The largest rowid, 9223372036854775807, is taken, so SQLite picks free rowids at random.',
    instead: 'Insert with an id of your own, or move the row that has the largest one.',
  },
  ROWID_FROM_SELECT: {
    safety: 'rows',
    why: 'New rows are numbered in the order in which the SELECT finds them, and nothing fixes that order.',
    instead: 'Add ORDER BY with a unique key to the SELECT, or insert the id too.',
  },
  SCALAR_SUBQUERY_MANY: {
    safety: 'rows',
    why: 'Of the rows that this subquery may find only the first counts, and nothing fixes which that is.',
    instead: 'Compare with a whole unique key, say min() or max(), or add ORDER BY a unique key and LIMIT 1.',
  },
  SELF_READ: {
    safety: 'rows',
    why: 'A subquery reads the table that is being changed row by row, so it sees other rows when they come in another order.',
    instead: 'Work the values out before: UPDATE ... FROM (SELECT ...), or a statement of its own.',
  },
  SYSTEM_TABLE: {
    safety: 'rows',
    why: 'It reads a table that SQLite keeps for itself, in which root pages and statistics differ from copy to copy.',
    instead: 'Read in the program what is needed, and pass it as parameters.',
  },
  TEMP_TABLE: {
    safety: 'rows',
    why: 'It reads or fires something of the TEMP database, which a copy does not have.',
    instead: 'Use an ordinary table, a common table expression, or parameters.',
  },
  TEMP_TRIGGER: {
    safety: 'rows',
    why: 'It fires a TEMP trigger, which a copy does not have.',
    instead: 'Make it an ordinary trigger, or do its work in the program.',
  },
  TRIGGER_ROW_ORDER: {
    safety: 'rows',
    why: 'A trigger fires for several rows in the order in which they are found, and what it does depends on that order.',
    instead: 'Change one row a statement, by its key; or give what the trigger inserts a key that is worked out from the row.',
  },
  UNIQUE_KEY_ORDER: {
    safety: 'rows',
    why: 'It changes a unique key in several rows, and whether two of them meet on the way depends on the order.',
    instead: 'Change one row a statement, by its key, or move all of them out of the way first.',
  },
  UNPARSED: {
    safety: 'rows',
    why: 'Stemma can not read this statement, so it does not say that it is safe.',
    instead: 'Please report it, if SQLite accepts it. Its rows are replicated.',
  },
  UPDATE_FROM_MANY: {
    safety: 'rows',
    why: 'Several rows of FROM may match one row, and which of them is used is not fixed.',
    instead: 'Join FROM by a whole unique key, or group it first.',
  },
  UPSERT_WITHOUT_TARGET: {
    safety: 'rows',
    why: 'The table has several unique keys, and which of them is looked at first is the order in which its indexes were made.',
    instead: 'Name the key: ON CONFLICT (column) DO UPDATE.',
  },
  USER_COLLATION: {
    safety: 'rows',
    why: 'It compares by a collation that the program defines, and a copy may not have the same.',
    instead: 'Use BINARY, NOCASE or RTRIM, or keep a column with a sort key.',
  },
  USER_FUNCTION: {
    safety: 'rows',
    why: 'It calls a function that the program defines, and a copy may not have the same.',
    instead: 'Call it in the program and pass the result as a parameter, or declare it recordable.',
  },
  VACUUM: {
    safety: 'rows',
    why: 'VACUUM gives new rowids to the rows of tables without INTEGER PRIMARY KEY, and can not run inside a transaction.',
    instead: 'Nothing: what it changes goes as rows. Give each table an INTEGER PRIMARY KEY, and it changes nothing that counts.',
  },
  VALUE_PER_ROW: {
    safety: 'rows',
    why: 'A value is drawn for each row in the order in which rows are found, so a recorded value may come to another row.',
    instead: 'Draw values in the program, and write each row by its key.',
  },
  VIRTUAL_TABLE: {
    safety: 'rows',
    why: 'It uses a virtual table, whose module keeps data by rules of its own.',
    instead: 'Nothing: what it writes into ordinary tables goes as rows.',
  },
  WINDOW_TIES: {
    safety: 'rows',
    why: 'Rows that tie in the ORDER BY of the window come in any order, and the function tells them apart.',
    instead: "Let the window's ORDER BY end with a unique key, or use rank() or dense_rank().",
  },
  DOUBLE_QUOTED_STRING: {
    safety: 'reject',
    why: 'In double quotes stands a name, but there is no such column: some builds of SQLite take it as a string, others refuse it.',
    instead: "Put strings into single quotes: 'hello'.",
  },
  OUTSIDE_WORLD: {
    safety: 'reject',
    why: 'It reaches out of the database, for files or code of this machine.',
    instead: 'Do it in the program, and pass the result as a parameter.',
  },
  PRAGMA_FUNCTION: {
    safety: 'reject',
    why: 'It stores a setting of this connection or machine as if it were data.',
    instead: 'Ask in the program, and pass the answer as a parameter.',
  },
  SQL_ERROR: {
    safety: 'reject',
    why: 'SQLite refuses this statement.',
    instead: 'See what SQLite says.',
  },
  TEMP_SHADOWS_MAIN: {
    safety: 'reject',
    why: 'A TEMP table has the name of an ordinary one, so the statement means the TEMP one here and the ordinary one on a copy.',
    instead: 'Write main.name or temp.name, or give the TEMP table a name of its own.',
  },
  WRITABLE_SCHEMA: {
    safety: 'reject',
    why: 'It lets statements change what SQLite keeps for itself, such as the schema table, in which root pages differ from copy to copy.',
    instead: 'Use CREATE, ALTER and DROP.',
  },
}
