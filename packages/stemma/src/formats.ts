import { StemmaError } from '@stemma/base'
import type { StatementPolicy } from '@stemma/format-statement'
import type { LogFormat, RowFormat, StatementFormat } from '@stemma/log'
import { importFormat, namesModule } from './format-module.ts'

/** How formats are to be made, where they can be made in more than one way. */
export interface FormatOptions {
  /** What `row` tells of rows that were updated or deleted: all of them, or the key and what changed. */
  readonly rowImage?: 'full' | 'changed' | undefined
  /** What `statement` does with statements that are not safe to run again; `mixed` by default. */
  readonly policy?: StatementPolicy | undefined
  /** Path of the leader's database, for a leader. */
  readonly database?: string | undefined
}

/** The formats that come with Stemma. Nothing below this package knows which exist. */
const BUILT_IN: Readonly<Record<string, (options: FormatOptions) => Promise<LogFormat>>> = {
  wal: async () => (await import('@stemma/format-wal')).walFormat,
  row: async ({ rowImage }) => (await import('@stemma/format-row')).newRowFormat({ image: rowImage }),
  statement: loadStatementFormat,
}

/** Formats of ours that are packages of their own, loaded through the door that a third party's has. */
const PACKAGES: Readonly<Record<string, string>> = {
  changeset: '@stemma/format-changeset',
  debezium: '@stemma/format-debezium',
}

/**
 * Finds formats: by the name of one of ours, or by the module that exports one, such as `./my-format.js` or `@acme/format-avro`.
 *
 * @throws StemmaError UNKNOWN_FORMAT when there is none; BAD_FORMAT when a module exports none; BAD_ARGUMENT when two have one name
 */
export async function loadFormats(names: readonly string[], options: FormatOptions = {}): Promise<LogFormat[]> {
  const formats = await Promise.all(names.map((name) => loadFormat(name, options)))
  for (const [i, { name }] of formats.entries()) {
    if (formats.findIndex((format) => format.name === name) < i)
      throw new StemmaError('BAD_ARGUMENT', `two log formats are called ${JSON.stringify(name)}`, { name })
  }
  return formats
}

/** A format by its name, as an entry has it; undefined for one that this Stemma does not know. */
export async function loadIfKnown(name: string): Promise<LogFormat | undefined> {
  try {
    return await loadFormat(name, {})
  } catch (error) {
    if (StemmaError.is(error, 'UNKNOWN_FORMAT')) return undefined
    throw error
  }
}

async function loadFormat(name: string, options: FormatOptions): Promise<LogFormat> {
  const load = Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined
  if (load !== undefined) return await load(options)
  const module = Object.hasOwn(PACKAGES, name) ? PACKAGES[name] : namesModule(name) ? name : undefined
  if (module === undefined) {
    const known = [...Object.keys(BUILT_IN), ...Object.keys(PACKAGES)].join(', ')
    const what = `there is no log format called ${JSON.stringify(name)}; known: ${known}, and modules, as ./my-format.js or @acme/format-avro`
    throw new StemmaError('UNKNOWN_FORMAT', what, { name })
  }
  const format = await importFormat(module, { database: options.database })
  if (Object.hasOwn(BUILT_IN, format.name))
    throw new StemmaError('BAD_FORMAT', `${JSON.stringify(name)} is called ${format.name}, as a format of Stemma is`, { name })
  if (!Object.hasOwn(PACKAGES, name)) foreign.add(format)
  return format
}

const foreign = new WeakSet<LogFormat>()

/** True for a format that came by a module which is not one of ours: nobody here knows what it does. */
export function isForeign(format: LogFormat): boolean {
  return foreign.has(format)
}

/** The format of changes as rows, for those who read it. */
export async function loadRowFormat(): Promise<RowFormat> {
  return (await import('@stemma/format-row')).rowFormat
}

async function loadStatementFormat({ rowImage, policy = 'mixed' }: FormatOptions): Promise<StatementFormat> {
  const { ZSTD, newRowFormat } = await import('@stemma/format-row')
  const { newStatementFormat } = await import('@stemma/format-statement')
  return newStatementFormat({ policy, rows: newRowFormat({ image: rowImage }), compressor: ZSTD })
}
