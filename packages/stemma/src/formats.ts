import { StemmaError } from '@stemma/base'
import type { LogFormat } from '@stemma/log'

/** The formats that come with Stemma. Nothing below this package knows which exist. */
const BUILT_IN: Readonly<Record<string, () => Promise<LogFormat>>> = {
  wal: async () => (await import('@stemma/format-wal')).walFormat,
}

/**
 * Finds formats by name.
 *
 * @throws StemmaError UNKNOWN_FORMAT when there is none of that name
 */
export function loadFormats(names: readonly string[]): Promise<LogFormat[]> {
  return Promise.all(
    names.map((name) => {
      const load = Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined
      if (load === undefined) {
        const known = Object.keys(BUILT_IN).join(', ')
        throw new StemmaError('UNKNOWN_FORMAT', `there is no log format called ${JSON.stringify(name)}; known: ${known}`, {
          name,
        })
      }
      return load()
    }),
  )
}
