import type { StemmaError } from '@stemma/base'
import type { Link, LinkHandlers } from '../link.ts'

/** One end of a link that writes down what happens to it. */
export class End {
  link: Link | undefined
  readonly messages: Uint8Array[] = []
  drains = 0
  readonly closings: (StemmaError | undefined)[] = []
  /** What else to do with a message. */
  onMessage: (bytes: Uint8Array) => void = () => {}

  readonly onLink = (link: Link): LinkHandlers => {
    this.link = link
    return {
      message: (bytes) => {
        this.messages.push(bytes.slice())
        this.onMessage(bytes)
      },
      drain: () => this.drains++,
      closed: (error) => this.closings.push(error),
    }
  }

  /** The link, which must be there. */
  get up(): Link {
    if (this.link === undefined) throw new Error('there is no link')
    return this.link
  }

  get isClosed(): boolean {
    return this.closings.length > 0
  }

  /** How it ended: a code, or `in good order`. */
  get ending(): string {
    return this.closings.map((error) => error?.code ?? 'in good order').join(', ')
  }
}
