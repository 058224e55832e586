import type { Kind } from '../wire.ts'

/** The ways of following that come with Stemma, in the order in which they are shown. */
export const KINDS: readonly Kind[] = [
  {
    id: 'wal',
    label: 'WAL',
    format: 'wal',
    promise: 'bytes',
    what: 'The bytes of pages that changed. The copy is the leader’s file, byte for byte.',
  },
  {
    id: 'row',
    label: 'Row',
    format: 'row',
    promise: 'rows',
    what: 'The rows that changed, old and new. The copy holds the same rows in pages of its own.',
  },
]
