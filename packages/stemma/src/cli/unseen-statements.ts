import { StemmaError } from '@stemma/base'
import { loadFormats } from '../formats.ts'
import type { Screen } from './screen.ts'

/**
 * Makes sure that nobody is promised statements by a program that can't see any: those of other programs. Commits go as rows under such a format,
 * if that is allowed; it is said so.
 *
 * @throws StemmaError STATEMENTS_UNSEEN; BAD_ARGUMENT when there is nothing to allow
 */
export async function tellUnseenStatements(
  names: readonly string[],
  { database, asRows, screen }: { readonly database: string; readonly asRows: boolean; readonly screen: Screen },
): Promise<void> {
  const formats = (await loadFormats(names)).filter(({ view }) => view === 'statements').map(({ name }) => name)
  if (formats.length === 0) {
    if (!asRows) return
    throw new StemmaError('BAD_ARGUMENT', '--statements-as-rows is for a format of statements: --format statement')
  }
  if (!asRows) {
    const what = `${formats.join(', ')} tells statements, and those that other programs run on ${database} are not seen from beside them`
    throw new StemmaError('STATEMENTS_UNSEEN', what, { database, formats })
  }
  screen.record({ event: 'statements-as-rows', formats })
  screen.line(`${formats.join(', ')}: every commit goes as rows, since statements of other programs are not seen from here`)
}
