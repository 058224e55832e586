import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'

// How a process of a test and the test talk: a line of JSON each way.

/** Says something. It has left this process when this returns. */
export function tell(message: object): void {
  const line = Buffer.from(`${JSON.stringify(message, asText)}\n`)
  for (let at = 0; at < line.byteLength;) {
    try {
      at += writeSync(1, line, at)
    } catch (error) {
      if ((error as { code?: string }).code !== 'EAGAIN') throw error
    }
  }
}

/** Does what it is told, and answers with what came of it. */
export function obey(orders: Readonly<Record<string, () => Promise<object>>>): void {
  createInterface({ input: process.stdin }).on('line', (order) => {
    orders[order]!().then(
      (answer) => tell({ kind: order, ...answer }),
      (error: unknown) => tell({ kind: 'error', order, error }),
    )
  })
}

function asText(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  return value instanceof Error ? `${value.message}\n${value.stack}` : value
}
