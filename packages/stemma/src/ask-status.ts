import { StemmaError } from '@stemma/base'
import { visitLeader, type LeaderAddress } from './questions/visit-leader.ts'
import type { NodeStatus } from './status.ts'

export type AskStatusOptions = LeaderAddress

/**
 * Asks a leader that listens how it is, without following it.
 *
 * @throws StemmaError what connecting throws; PEER_REFUSED or the leader's own code when it refuses; PROTOCOL_MESSAGE when its
 * answer makes no sense
 */
export async function askStatus(options: AskStatusOptions): Promise<NodeStatus> {
  const visit = await visitLeader(options, 'status')
  try {
    return decodeStatus((await visit.request({ kind: 'status-request' }, 'status')).json)
  } finally {
    visit.close()
  }
}

/** The fields that people are shown are checked; a leader that lies about the rest fools nobody but its reader. */
function decodeStatus(json: Uint8Array): NodeStatus {
  let status: Partial<NodeStatus> | null
  try {
    status = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json)) as Partial<NodeStatus> | null
  } catch (error) {
    throw new StemmaError('PROTOCOL_MESSAGE', 'the status is not JSON', {}, error)
  }
  const texts = [status?.role, status?.database, status?.cluster, status?.node, status?.sqlite]
  const numbers = [status?.walBytes, status?.logBytes]
  const lists = [status?.formats, status?.followers ?? []]
  const sound =
    texts.every((text) => typeof text === 'string') &&
    numbers.every((number) => typeof number === 'number') &&
    lists.every((list) => Array.isArray(list))
  if (!sound) throw new StemmaError('PROTOCOL_MESSAGE', 'the status lacks what every status has')
  return status as NodeStatus
}
