import { StemmaError, type ErrorCode } from '@stemma/base'

/**
 * Writes an input, an effect or a message as people read it, and as `parseStory` reads it back.
 *
 * | value | text |
 * | --- | --- |
 * | record with a kind | `heartbeat(tip=1:2, time=3)`, at the outside `heartbeat tip=1:2 time=3` |
 * | other record | `(first=1, count=2)` |
 * | position | `1:42` |
 * | bytes | `<12 bytes>`; what they are is lost |
 * | digest | `#1f` |
 * | error | `!PEER_LEFT`; its message is lost |
 * | text | bare when it is one word, else quoted |
 *
 * Fields that are undefined are left out.
 */
export function showStory(value: object): string {
  const [kind, fields] = fieldsOf(value)
  return [kind, ...fields].join(' ')
}

/**
 * Reads one line of a story.
 *
 * @throws SyntaxError when the text is none
 */
export function parseStory(text: string): unknown {
  const parser = new StoryParser(text)
  const value: Record<string, unknown> = { kind: parser.word() }
  while (!parser.isAtEnd) Object.assign(value, parser.field())
  return value
}

function fieldsOf(value: object): readonly [kind: string, fields: readonly string[]] {
  const { kind = '', ...rest } = value as { readonly kind?: string } & Record<string, unknown>
  const fields = Object.entries(rest).filter(([, field]) => field !== undefined)
  return [kind, fields.map(([name, field]) => `${name}=${showValue(field)}`)]
}

function showValue(value: unknown): string {
  switch (typeof value) {
    case 'number':
      return String(value)
    case 'bigint':
      return `#${value.toString(16)}`
    case 'boolean':
      return value ? 'yes' : 'no'
    case 'string':
      return /^[a-zA-Z][\w.+-]*$/.test(value) && value !== 'yes' && value !== 'no' ? value : JSON.stringify(value)
    case 'object':
      return showObject(value)
    case 'undefined':
    case 'symbol':
    case 'function':
      return 'undefined'
  }
}

function showObject(value: object | null): string {
  if (value === null) return 'null'
  if (value instanceof Uint8Array) return `<${value.byteLength} bytes>`
  if (StemmaError.is(value)) return `!${value.code}`
  if (Array.isArray(value)) return `[${value.map(showValue).join(', ')}]`
  if ('epoch' in value && 'sequence' in value && Object.keys(value).length === 2)
    return `${String(value.epoch)}:${String(value.sequence)}`
  const [kind, fields] = fieldsOf(value)
  return `${kind}(${fields.join(', ')})`
}

class StoryParser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text.trim()
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length
  }

  word(): string {
    return this.#take(/[a-zA-Z][\w.+-]*/y, 'a word')[0]
  }

  field(): Record<string, unknown> {
    const name = this.#take(/[,\s]*(\w+)=/y, 'a field')[1]!
    return { [name]: this.#value() }
  }

  #value(): unknown {
    const position = this.#try(/(\d+):(\d+)/y)
    if (position !== null) return { epoch: Number(position[1]), sequence: Number(position[2]) }
    const number = this.#try(/-?\d+(\.\d+)?/y)
    if (number !== null) return Number(number[0])
    const digest = this.#try(/#([0-9a-f]+)/y)
    if (digest !== null) return BigInt(`0x${digest[1]}`)
    const bytes = this.#try(/<(\d+) bytes>/y)
    if (bytes !== null) return new Uint8Array(Number(bytes[1]))
    const error = this.#try(/!([A-Z_]+)/y)
    if (error !== null) return new StemmaError(error[1] as ErrorCode, 'said the story')
    const quoted = this.#try(/"(?:[^"\\]|\\.)*"/y)
    if (quoted !== null) return JSON.parse(quoted[0]) as string
    if (this.#try(/\[/y) !== null) return this.#list()
    const word = this.#try(/[a-zA-Z][\w.+-]*/y)?.[0]
    if (this.#try(/\(/y) !== null) return this.#record(word)
    if (word === undefined) throw new SyntaxError(`no value at column ${this.#at} of: ${this.#text}`)
    return word === 'yes' || word === 'no' ? word === 'yes' : word
  }

  #list(): unknown[] {
    const items: unknown[] = []
    while (this.#try(/\s*\]/y) === null) {
      items.push(this.#value())
      this.#try(/[,\s]+/y)
    }
    return items
  }

  #record(kind: string | undefined): Record<string, unknown> {
    const record: Record<string, unknown> = kind === undefined ? {} : { kind }
    while (this.#try(/\s*\)/y) === null) Object.assign(record, this.field())
    return record
  }

  #try(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match !== null) this.#at += match[0].length
    return match
  }

  #take(pattern: RegExp, wanted: string): RegExpExecArray {
    const match = this.#try(pattern)
    if (match === null) throw new SyntaxError(`${wanted} was wanted at column ${this.#at} of: ${this.#text}`)
    return match
  }
}
