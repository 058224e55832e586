import { answeredError, visitLeader, type LeaderAddress } from './visit-leader.ts'

/** Somebody whom a leader answers questions. */
export interface Asker {
  /** The history that the leader writes. */
  readonly cluster: string
  /**
   * Asks one thing, and gives the JSON that the leader answers; one at a time.
   *
   * @throws StemmaError the leader's own code, or of the link
   */
  ask(question: { readonly ask: string } & Readonly<Record<string, unknown>>): Promise<unknown>
  close(): void
}

/**
 * Connects to a leader to ask it questions.
 *
 * @throws StemmaError as `visitLeader` does
 */
export async function openAsker(address: LeaderAddress): Promise<Asker> {
  const visit = await visitLeader(address, 'ask')
  return {
    cluster: visit.welcome.cluster,
    async ask(question) {
      const body = new TextEncoder().encode(JSON.stringify(question))
      const answer = await visit.request({ kind: 'ask', body }, 'answer')
      if (answer.code !== undefined) throw answeredError(answer.code, answer.message)
      return decodeJson(answer.body)
    },
    close: () => visit.close(),
  }
}

function decodeJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw answeredError('PROTOCOL_MESSAGE', 'something that is not JSON')
  }
}
