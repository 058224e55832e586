import { everyday, keys, schemas, values, type Story } from '../workloads/stories.ts'
import type { Lab } from './lab.ts'
import type { Payload } from './understand.ts'

/** Payloads of the format that is judged, of all kinds of small commits. */
export async function samplesOf(lab: Lab): Promise<Payload[]> {
  const payloads: Payload[] = []
  for (const story of SAMPLED) {
    const leader = await lab.leader(story.first, { pageSize: SAMPLE_PAGE_SIZE, ...story.options })
    for (const transaction of story.transactions) {
      for (const { payload, formatVersion } of await lab.entries(leader, transaction))
        payloads.push({ bytes: payload, version: formatVersion, pageSize: leader.source.place.pageSize })
    }
  }
  return payloads
}

const SAMPLED: readonly Story[] = [everyday, keys, schemas, values]
const SAMPLE_PAGE_SIZE = 1024
