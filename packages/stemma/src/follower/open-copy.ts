import { StemmaError, type TextEncoding } from '@stemma/base'
import type { LogFormat } from '@stemma/log'
import {
  openLogicalReplica,
  openReplica,
  showDifference,
  type LogicalReplicaEvent,
  type Replica,
  type ReplicaEvent,
} from '@stemma/storage'
import type { FollowerEvent } from '../events.ts'
import { asStemmaError } from '../unexpected.ts'
import type { FollowerEngineOptions } from './follower-options.ts'

/**
 * Opens the copy of the kind that a format brings on: one that is the leader's byte for byte, or one that holds the same rows.
 *
 * @throws StemmaError FORMAT_FEED_ONLY; BAD_ARGUMENT for what a copy by pages can't have; WRONG_COPY_KIND and others of the copy
 */
export async function openCopy(
  format: LogFormat,
  options: FollowerEngineOptions,
  onEvent: (event: FollowerEvent) => void,
): Promise<Replica> {
  const { database, merge, token, tls, pageSize, encoding, onDifference } = options
  if (format.isFeedOnly === true)
    throw new StemmaError('FORMAT_FEED_ONLY', `${format.name} is a format to read, and no copy can follow by it`, {
      format: format.name,
    })
  // Whoever proved that it is our leader is believed when the digest is right; a stranger's pages are looked through.
  const isProved = token !== undefined || tls !== undefined
  const check = options.checkSnapshots === 'always' || !isProved ? 'structure' : 'digest'
  if (format.view !== 'pages') {
    return await openLogicalReplica({
      database,
      formats: [format],
      merge,
      check,
      onDifference,
      ...(pageSize === undefined ? {} : { pageSize }),
      ...(encoding === undefined ? {} : { encoding }),
      onEvent: (event) => onLogicalEvent(event, onEvent),
    })
  }
  refuseForPages(format, { pageSize, encoding, onDifference })
  return await openReplica({
    database,
    formats: [format],
    merge,
    verify: options.verifyOnOpen ? 'always' : 'after-crash',
    check,
    onEvent: (event) => onReplicaEvent(event, onEvent),
  })
}

function refuseForPages(
  { name }: LogFormat,
  wanted: {
    readonly pageSize: number | undefined
    readonly encoding: TextEncoding | undefined
    readonly onDifference: 'stop' | 'force'
  },
): void {
  const { pageSize, encoding, onDifference } = wanted
  const what =
    pageSize !== undefined
      ? 'pages of a size'
      : encoding !== undefined
        ? 'an encoding'
        : onDifference === 'force'
          ? 'forced rows'
          : ''
  if (what === '') return
  throw new StemmaError(
    'BAD_ARGUMENT',
    `a copy that follows by ${name} is its leader's byte for byte: ${what} of its own need --format row`,
  )
}

function onReplicaEvent(event: ReplicaEvent, onEvent: (event: FollowerEvent) => void): void {
  if (event.kind === 'verifying') onEvent({ kind: 'verifying', done: event.done, total: event.pageCount })
  if (event.kind === 'warning') onEvent({ kind: 'warning', error: asStemmaError(event.error) })
  if (event.kind === 'not-as-left') {
    const pages = event.pages.slice(0, 20).join(', ')
    const which =
      event.pages.length === 0 ? 'its place is not known' : `pages that changed: ${pages}${event.pages.length > 20 ? ', …' : ''}`
    const error = new StemmaError('REPLICA_DIFFERS', `the copy is not as it was left: ${which}`, { pages: event.pages.length })
    onEvent({ kind: 'resync', error })
  }
}

function onLogicalEvent(event: LogicalReplicaEvent, onEvent: (event: FollowerEvent) => void): void {
  switch (event.kind) {
    case 'warning':
      return onEvent({ kind: 'warning', error: asStemmaError(event.error) })
    case 'forced': {
      const { difference } = event
      const what = `${showDifference(difference)}; it has the leader's now`
      return onEvent({ kind: 'warning', error: new StemmaError('ROW_DIFFERS', what, { ...difference }) })
    }
    case 'written': {
      const { transactions } = event
      const what = `somebody else has written to the copy, in ${transactions} transactions`
      return onEvent({ kind: 'warning', error: new StemmaError('REPLICA_WRITTEN', what, { transactions }) })
    }
    case 'checkpointed':
  }
}
