import { StemmaError } from '@stemma/base'
import type { StatementPolicy } from '@stemma/format-statement'
import type { LogFormat, RowFormat, StatementFormat } from '@stemma/log'

/** How formats are to be made, where they can be made in more than one way. */
export interface FormatOptions {
  /** What `row` tells of rows that were updated or deleted: all of them, or the key and what changed. */
  readonly rowImage?: 'full' | 'changed' | undefined
  /** What `statement` does with statements that are not safe to run again; `mixed` by default. */
  readonly policy?: StatementPolicy | undefined
}

/** The formats that come with Stemma. Nothing below this package knows which exist. */
const BUILT_IN: Readonly<Record<string, (options: FormatOptions) => Promise<LogFormat>>> = {
  wal: async () => (await import('@stemma/format-wal')).walFormat,
  row: async ({ rowImage }) => (await import('@stemma/format-row')).newRowFormat({ image: rowImage }),
  statement: loadStatementFormat,
}

/**
 * Finds formats by name.
 *
 * @throws StemmaError UNKNOWN_FORMAT when there is none of that name
 */
export function loadFormats(names: readonly string[], options: FormatOptions = {}): Promise<LogFormat[]> {
  return Promise.all(
    names.map((name) => {
      const load = Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined
      if (load === undefined) {
        const known = Object.keys(BUILT_IN).join(', ')
        throw new StemmaError('UNKNOWN_FORMAT', `there is no log format called ${JSON.stringify(name)}; known: ${known}`, {
          name,
        })
      }
      return load(options)
    }),
  )
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
