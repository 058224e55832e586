import { StemmaError } from '@stemma/base'

/** Answers what others ask a leader. A question is JSON with its kind in `ask`. */
export class Questions {
  /**
   * Answers one question.
   *
   * @throws StemmaError BAD_ARGUMENT when the question makes no sense
   */
  async answer(question: Uint8Array): Promise<Uint8Array> {
    const { ask } = decodeQuestion(question)
    throw new StemmaError('BAD_ARGUMENT', `this leader knows no question ${JSON.stringify(ask)}`)
  }
}

/** A question as it came: whatever else is in it is for its kind to check. */
function decodeQuestion(bytes: Uint8Array): Readonly<Record<string, unknown>> & { readonly ask: string } {
  let question: unknown
  try {
    question = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new StemmaError('BAD_ARGUMENT', 'the question is not JSON', {}, error)
  }
  const isQuestion = typeof question === 'object' && question !== null && 'ask' in question && typeof question.ask === 'string'
  if (!isQuestion) throw new StemmaError('BAD_ARGUMENT', 'the question does not say what it asks')
  return question as { readonly ask: string }
}
