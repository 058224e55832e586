/** What calling a function means for running a statement again. */
export type FunctionKind =
  | 'pure'
  | 'versioned'
  | 'random'
  | 'clock'
  | 'connection'
  | 'build'
  | 'libm'
  | 'outside'
  | 'user'
  | 'like'
  | 'bytes'

const KINDS: Readonly<Record<Exclude<FunctionKind, 'user'>, string>> = {
  pure: `-> ->> abs avg ceil ceiling char coalesce count cume_dist degrees dense_rank first_value floor glob group_concat ifnull instr
    lag last_value lead length likelihood likely lower ltrim max min mod nth_value ntile nullif percent_rank pi quote radians rank replace
    row_number rtrim sign soundex sqrt substr substring sum total trim trunc typeof unhex unicode unlikely upper zeroblob octet_length raise`,
  versioned: `concat concat_ws format printf if iif json json_array json_array_insert json_array_length json_error_position json_extract
    json_group_array json_group_object json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set
    json_type json_valid jsonb jsonb_array jsonb_array_insert jsonb_extract jsonb_group_array jsonb_group_object jsonb_insert jsonb_object
    jsonb_patch jsonb_remove jsonb_replace jsonb_set median percentile percentile_cont percentile_disc round string_agg subtype
    unistr unistr_quote`,
  random: 'random randomblob',
  clock: 'current_date current_time current_timestamp date datetime julianday strftime time timediff unixepoch',
  connection: 'changes last_insert_rowid total_changes',
  build: 'sqlite_compileoption_get sqlite_compileoption_used sqlite_offset sqlite_source_id sqlite_version',
  libm: 'acos acosh asin asinh atan atan2 atanh cos cosh exp ln log log10 log2 pow power sin sinh tan tanh',
  outside: 'edit fts3_tokenizer load_extension readfile sqlite_log writefile',
  like: 'like',
  bytes: 'hex',
}

const KIND_OF: ReadonlyMap<string, FunctionKind> = new Map(
  Object.entries(KINDS).flatMap(([kind, names]) => names.split(/\s+/).map((name) => [name, kind as FunctionKind] as const)),
)

/** The kind of a function by its name in lower case; one that is not SQLite's own is the program's. */
export function kindOfFunction(name: string): FunctionKind {
  return KIND_OF.get(name) ?? 'user'
}

const names = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/))

/** Functions that may ask clock or time zone. */
export const CLOCK_FUNCTIONS: ReadonlySet<string> = names(KINDS.clock)

/** Aggregates whose result hangs on the order of rows, whatever the values. */
export const ORDERED_AGGREGATES: ReadonlySet<string> = names(
  'group_concat string_agg json_group_array json_group_object jsonb_group_array jsonb_group_object',
)
/** Aggregates that add numbers up. */
export const ADDING_AGGREGATES: ReadonlySet<string> = names('sum total avg')
/** Aggregates that show one of several equal values. With more than one argument min and max are no aggregates. */
export const CHOOSING_AGGREGATES: ReadonlySet<string> = names('min max')
/** Every aggregate of SQLite's own. */
export const AGGREGATES: ReadonlySet<string> = new Set([
  ...ORDERED_AGGREGATES,
  ...ADDING_AGGREGATES,
  ...CHOOSING_AGGREGATES,
  ...names('count median percentile percentile_cont percentile_disc'),
])
/** Window functions that give ties the same. */
export const TIE_PROOF_WINDOWS: ReadonlySet<string> = names('rank dense_rank percent_rank cume_dist')
/** Functions that always give an INTEGER or NULL. */
export const INTEGER_FUNCTIONS: ReadonlySet<string> = names(
  'length instr unicode octet_length count rank dense_rank row_number ntile json_array_length json_valid',
)
/** Functions that always give TEXT or NULL. */
export const TEXT_FUNCTIONS: ReadonlySet<string> = names(
  `lower upper trim ltrim rtrim replace hex quote typeof char concat concat_ws format printf soundex date time datetime strftime timediff
   group_concat string_agg json json_array json_object json_quote json_type current_date current_time current_timestamp`,
)
