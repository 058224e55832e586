import { StemmaError, showPosition } from '@stemma/base'
import type { FollowerEvent, LeaderEvent } from '../events.ts'
import { showBytes, showMany } from './quantity.ts'
import { showVerified } from './verified-text.ts'

/** One line that tells people what happened; undefined for what only the living line shows. */
export function showLeaderEvent(event: LeaderEvent): string | undefined {
  switch (event.kind) {
    case 'scanning':
      return undefined
    case 'listening':
      return `listening at ${event.url}`
    case 'follower-joined':
      return `follower ${short(event.node)} joined from ${event.peer} (${event.format})`
    case 'follower-left':
      return `follower ${short(event.node)} left: ${event.why}`
    case 'follower-needs-snapshot':
      return `follower ${short(event.node)} takes a snapshot: ${event.why}`
    case 'follower-diverged':
      return `follower ${short(event.node)} is at ${showPosition(event.position)}, which is not in this history`
    case 'gap-mended':
      return `mended a gap at ${showPosition(event.position)}: ${showMany(event.pages, 'page')} changed while nobody watched`
    case 'rewound':
      return `went back to ${showPosition(event.position)}: what came after did not survive in the database`
    case 'warning':
      return showWarning(event.error)
    case 'failed':
      return undefined
  }
}

/** The same for a follower's events. */
export function showFollowerEvent(event: FollowerEvent): string | undefined {
  switch (event.kind) {
    case 'connected':
      return `connected to ${event.url}, which is at ${showPosition(event.tip)}`
    case 'disconnected':
      return `disconnected${event.error === undefined ? '' : `: ${messageOf(event.error)}`}; trying again`
    case 'snapshot-started': {
      const size = showBytes(event.pageCount * event.pageSize)
      return `taking a snapshot of ${size} at ${showPosition(event.position)}: ${event.why}`
    }
    case 'verifying':
    case 'message':
    case 'snapshot-progress':
    case 'progress':
      return undefined
    case 'snapshot-installed':
      return `snapshot in place at ${showPosition(event.position)}`
    case 'caught-up':
      return `caught up at ${showPosition(event.position)}`
    case 'diverged':
      return `this copy's history left the leader's after ${showPosition(event.position)}; taking over what differs`
    case 'resync':
      return `this copy differs from its leader (${messageOf(event.error)}); taking over what differs`
    case 'verified':
      return `compared with the leader: ${showVerified(event.result).join('\n')}`
    case 'warning':
      return showWarning(event.error)
    case 'failed':
      return undefined
  }
}

function showWarning(error: StemmaError): string {
  return `warning: ${messageOf(error)} [${error.code}]\n  what to do: ${error.hint}`
}

/** A message without its code in front. */
export function messageOf(error: Error): string {
  return StemmaError.is(error) ? error.message.replace(`${error.code}: `, '') : error.message
}

/** The first digits of a node's id, enough to tell a few nodes apart. */
export function short(node: string): string {
  return node.slice(0, 8)
}
