import { basename, extname } from 'node:path'
import type { Kind, Policy } from '../wire.ts'

/** The ways of following that come with Stemma, in the order in which they are shown. */
export const KINDS: readonly Kind[] = [
  {
    id: 'wal',
    label: 'WAL',
    format: 'wal',
    leader: 'mixed',
    promise: 'bytes',
    what: 'The bytes of pages that changed. The copy is the leader’s file, byte for byte.',
  },
  {
    id: 'row',
    label: 'Row',
    format: 'row',
    leader: 'mixed',
    promise: 'rows',
    what: 'The rows that changed, old and new. The copy holds the same rows in pages of its own.',
  },
  {
    id: 'mixed',
    label: 'Statement, mixed',
    format: 'statement',
    leader: 'mixed',
    promise: 'rows',
    what: 'The SQL that ran, where it is safe to run it again; the rows where it is not.',
  },
  {
    id: 'record',
    label: 'Statement, record',
    format: 'statement',
    leader: 'record',
    promise: 'rows',
    what: 'The SQL, with what random(), the clock and the connection told on the leader; the rows where even that would not do.',
  },
  {
    id: 'raw',
    label: 'Statement, raw',
    format: 'statement',
    leader: 'raw',
    promise: 'nothing',
    what: 'The SQL as it is, as statement replication was first built. The copy runs it and hopes. Here to be watched going wrong.',
  },
]

/** What becomes of statements is a leader's policy: so each policy has a leader of its own. The first has all other formats too. */
export const POLICIES: readonly Policy[] = ['mixed', 'record', 'raw']

/** Formats that the user named: built in, or modules of whoever wrote them. */
export function namedKinds(formats: readonly string[]): Kind[] {
  return formats.map((format) => {
    const name = basename(format, extname(format)).replace(/[^\w-]/g, '-') || 'format'
    const id = KINDS.some((kind) => kind.id === name) ? `own-${name}` : name
    return { id, label: name, format, leader: 'mixed', promise: 'rows', what: `The format ${format}, which you named.` }
  })
}
