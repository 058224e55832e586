import type { PragmaStmt } from 'sqlite3-parser'
import type { StatementCode } from './codes.ts'
import { bare, fold } from './syntax.ts'

const names = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/))

/** They set a number in the header of the database, the same on a copy. */
const HEADER: ReadonlySet<string> = names('user_version application_id')
/** They make statements mean something else than SQL says, or change what SQLite keeps for itself. */
const SCHEMA: ReadonlySet<string> = names('writable_schema schema_version encoding')
/** They change neither rows nor schema: they ask, they set up the connection, or they change how the file is laid out. */
const HARMLESS: ReadonlySet<string> = names(
  `analysis_limit auto_vacuum automatic_index busy_timeout cache_size cache_spill case_sensitive_like cell_size_check checkpoint_fullfsync
  collation_list compile_options count_changes data_store_directory data_version database_list defer_foreign_keys empty_result_callbacks
  foreign_key_check foreign_key_list foreign_keys freelist_count full_column_names fullfsync function_list hard_heap_limit
  ignore_check_constraints incremental_vacuum index_info index_list index_xinfo integrity_check journal_mode journal_size_limit
  legacy_alter_table locking_mode max_page_count mmap_size module_list page_count page_size pragma_list query_only quick_check
  read_uncommitted recursive_triggers reverse_unordered_selects secure_delete short_column_names shrink_memory soft_heap_limit stats
  synchronous table_info table_list table_xinfo temp_store temp_store_directory threads trusted_schema wal_autocheckpoint wal_checkpoint`,
)

export interface PragmaFacts {
  readonly code: StatementCode | undefined
  readonly writes: boolean
}

/** What a PRAGMA does. It is never asked of SQLite, since many take effect while they are explained. */
export function judgePragma({ name, body }: PragmaStmt): PragmaFacts {
  const pragma = fold(name.objName.text)
  const isMain = name.dbName === undefined || fold(name.dbName.text) === 'main'
  if (!isMain) return { code: undefined, writes: false }
  if (HEADER.has(pragma)) return { code: undefined, writes: body !== undefined }
  if (SCHEMA.has(pragma))
    return { code: body === undefined || isOff(body.value) ? undefined : 'WRITABLE_SCHEMA', writes: body !== undefined }
  if (HARMLESS.has(pragma)) return { code: undefined, writes: false }
  return { code: pragma === 'optimize' ? 'PLANNER_STATISTICS' : 'PRAGMA_UNKNOWN', writes: true }
}

function isOff(value: Parameters<typeof bare>[0]): boolean {
  const inner = bare(value)
  const text =
    inner.type === 'Id' ? inner.name : inner.type === 'NumericLiteral' || inner.type === 'KeywordLiteral' ? inner.value : ''
  return /^(?:0|off|no|false)$/i.test(text)
}
