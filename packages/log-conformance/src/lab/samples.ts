import { StemmaError } from '@stemma/base'
import { everyday, keys, schemas, values, type Story } from '../workloads/stories.ts'
import type { Lab } from './lab.ts'
import { payloadOf, type Payload } from './understand.ts'

/** Payloads of the format that is judged, of all kinds of small commits; for view statements with and without their text. */
export async function samplesOf(lab: Lab): Promise<Payload[]> {
  const { format } = lab
  const payloads: Payload[] = []
  for (const story of SAMPLED) {
    const leader = await lab.leader(story.first, { pageSize: SAMPLE_PAGE_SIZE, ...story.options })
    leader.watch((commit) => {
      payloads.push(payloadOf(format, commit))
      if (format.view === 'statements') payloads.push(payloadOf(format, { ...commit, statements: textIsLost }))
    })
    for (const transaction of story.transactions) await leader.run(transaction)
  }
  return payloads
}

function textIsLost(): never {
  throw new StemmaError('STATEMENTS_UNKNOWN', 'the text of this commit is lost')
}

const SAMPLED: readonly Story[] = [everyday, keys, schemas, values]
const SAMPLE_PAGE_SIZE = 1024
