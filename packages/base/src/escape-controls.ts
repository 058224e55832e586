/** Writes characters that would break a line, or play tricks on a terminal, as their numbers: for whatever is told to people. */
export function escapeControls(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)
}
