import { StemmaError, showPosition, type Position } from '@stemma/base'

/** Where the command writes; a process's `stdout` is one. */
export interface Terminal {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** What the command says, in the manner that its reader wants: a person at a terminal, a log file, or a program. */
export interface Screen {
  /** `live` when one line at the bottom may be written again and again. */
  readonly manner: 'live' | 'lines' | 'json'
  /** A line for people; nothing when a program reads. */
  line(text: string): void
  /** What is true right now, in the living line at the bottom; nothing in the other manners. */
  live(text: string): void
  /** A line of JSON for a program; nothing when a person reads. */
  record(record: Readonly<Record<string, unknown>>): void
  /** Leaves the living line as it is. */
  close(): void
}

export function openScreen(terminal: Terminal, json: boolean): Screen {
  if (json) return jsonScreen(terminal)
  return terminal.isTTY === true ? liveScreen(terminal) : plainScreen(terminal)
}

function jsonScreen(terminal: Terminal): Screen {
  return {
    manner: 'json',
    line() {},
    live() {},
    record: (record) => void terminal.write(`${toJson(record)}\n`),
    close() {},
  }
}

function plainScreen(terminal: Terminal): Screen {
  return {
    manner: 'lines',
    line: (text) => void terminal.write(`${text}\n`),
    live() {},
    record() {},
    close() {},
  }
}

const CLEAR_LINE = '\r\u001B[2K'

function liveScreen(terminal: Terminal): Screen {
  let living = ''
  return {
    manner: 'live',
    line(text) {
      terminal.write(`${living === '' ? '' : CLEAR_LINE}${text}\n${living}`)
    },
    live(text) {
      const next = cut(text, (terminal.columns ?? 80) - 1)
      if (next === living) return
      living = next
      terminal.write(CLEAR_LINE + living)
    },
    record() {},
    close() {
      if (living !== '') terminal.write('\n')
      living = ''
    },
  }
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}

/** One line of JSON. Positions are written as `1:42`, digests as 16 hexadecimal digits, errors with code and hint. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each === 'bigint') return each.toString(16).padStart(16, '0')
    if (StemmaError.is(each)) return { code: each.code, message: each.message, recovery: each.recovery, hint: each.hint }
    if (each instanceof Error) return { message: each.message }
    return isPosition(each) ? showPosition(each) : each
  })
}

function isPosition(value: unknown): value is Position {
  if (typeof value !== 'object' || value === null) return false
  const { epoch, sequence, ...rest } = value as Record<string, unknown>
  return typeof epoch === 'number' && typeof sequence === 'number' && Object.keys(rest).length === 0
}
