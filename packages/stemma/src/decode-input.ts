import { StemmaError } from '@stemma/base'
import { decodeMessage, type Message } from '@stemma/protocol'

/**
 * What a leader sent, as a step function takes it. Bytes in it are good only until the link's handler returns, but for a part of an entry: parts are
 * kept until all are there.
 */
export function decodeInput(
  bytes: Uint8Array,
): { readonly kind: 'message'; readonly message: Message } | { readonly kind: 'bad-message'; readonly error: StemmaError } {
  try {
    const message = decodeMessage(bytes)
    return { kind: 'message', message: message.kind === 'entry-part' ? { ...message, bytes: message.bytes.slice() } : message }
  } catch (error) {
    if (!StemmaError.is(error)) throw error
    return { kind: 'bad-message', error }
  }
}
