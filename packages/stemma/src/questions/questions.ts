import { StemmaError } from '@stemma/base'

/** A question as it came: JSON with its kind in `ask`. Whatever else is in it is for its kind to check. */
export type Question = { readonly ask: string } & Readonly<Record<string, unknown>>

/** Answers one kind of question with something that JSON can hold. */
export type Answering = (question: Question, signal: AbortSignal) => Promise<unknown>

/** Questions that wait for their turn at most; one more is told to come later. */
const WAITING_MAX = 16

/** Answers what others ask a leader, one question after another, so that no number of askers takes more of the leader than one does. */
export class Questions {
  readonly #kinds: Readonly<Record<string, Answering>>
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(kinds: Readonly<Record<string, Answering>>) {
    this.#kinds = kinds
  }

  /**
   * Answers one question.
   *
   * @throws StemmaError BAD_ARGUMENT when the question makes no sense; LEADER_BUSY; what its kind throws
   */
  async answer(question: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const asked = decodeQuestion(question)
    const answering = Object.hasOwn(this.#kinds, asked.ask) ? this.#kinds[asked.ask] : undefined
    if (answering === undefined)
      throw new StemmaError('BAD_ARGUMENT', `this leader knows no question ${JSON.stringify(asked.ask)}`)
    if (this.#waiting >= WAITING_MAX)
      throw new StemmaError('LEADER_BUSY', `${this.#waiting} questions wait, which is all that may`)
    this.#waiting++
    try {
      const turn = this.#last.then(() => {
        signal.throwIfAborted()
        return answering(asked, signal)
      })
      this.#last = turn.catch(() => {})
      return new TextEncoder().encode(JSON.stringify(await turn))
    } finally {
      this.#waiting--
    }
  }
}

function decodeQuestion(bytes: Uint8Array): Question {
  let question: unknown
  try {
    question = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new StemmaError('BAD_ARGUMENT', 'the question is not JSON', {}, error)
  }
  const isQuestion = typeof question === 'object' && question !== null && 'ask' in question && typeof question.ask === 'string'
  if (!isQuestion) throw new StemmaError('BAD_ARGUMENT', 'the question does not say what it asks')
  return question as Question
}
