/** A payload that goes on for longer than its bytes can tell. */
export class EndlessError extends Error {
  override readonly name: string = 'EndlessError'
}
