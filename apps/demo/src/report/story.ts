/** Where the report is told: titles, lines, and one line that lives where a person watches. */
export interface Story {
  title(text: string): void
  say(text: string): void
  /** What is true right now; written over and over at a terminal, now and then elsewhere. */
  live(text: string): void
  /** Leaves the living line as it is and goes on below. */
  keep(): void
  end(): void
}

const BOLD = '\u001B[1m'
const PLAIN = '\u001B[0m'
const CLEAR_LINE = '\r\u001B[2K'

export function openStory(output: NodeJS.WriteStream): Story {
  const colours = output.isTTY && process.env['NO_COLOR'] === undefined
  let living = ''
  return {
    title: (text) => void output.write(colours ? `\n${BOLD}${text}${PLAIN}\n` : `\n${text}\n`),
    say: (text) => void output.write(text.replace(/^/gm, '  ').concat('\n')),
    live(text) {
      living = text
      if (output.isTTY) output.write(`${CLEAR_LINE}  ${text}`)
    },
    keep() {
      if (living !== '') output.write(output.isTTY ? '\n' : `  ${living}\n`)
      living = ''
    },
    end: () => void output.write('\n'),
  }
}

/** A story that nobody listens to. */
export const SILENCE: Story = { title() {}, say() {}, live() {}, keep() {}, end() {} }
