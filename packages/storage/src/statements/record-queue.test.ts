import { expect, test } from 'vitest'
import type { JournalRecord } from './journal-reader.ts'
import { RecordQueue, type CommitFrames } from './record-queue.ts'

/**
 * `A5` is a record of a commit that ends with frame 5 of generation A of the WAL, `A>5` one of the first commit behind that frame. `A3-5` is a commit
 * of frames 4 and 5; what follows the colon is what is found for it.
 */
test.each<[string, string]>([
  ['a commit whose record is there', 'A2 A3 | A0-2: A2 | A2-3: A3'],
  ['a commit of somebody else before it', 'A4 | A0-2: foreign | A2-4: A4'],
  ['a commit of somebody else after it', 'A2 | A0-2: A2 | A2-4: none'],
  ['one between two', 'A2 A5 | A0-2: A2 | A2-4: foreign | A4-5: A5'],
  ['a record that comes after a commit of somebody else was met', 'A2 | A0-2: A2 | A2-4: none | +A5 | A4-5: A5'],
  ['a record that comes too late is passed over', '| A0-2: none | +A2 A3 | A2-3: A3'],
  ['the first commit behind a frame', 'A>2 | A0-2: foreign | A2-4: A>2 | A4-5: none'],
  ['the first commit behind a frame, when its record came too late', '| A0-2: none | A2-4: none | +A>2 A6 | A4-6: A6'],
  ['both kinds of records', 'A2 A>4 A7 | A0-2: A2 | A2-4: foreign | A4-6: A>4 | A6-7: A7'],
  ['a generation of which nothing is told', 'A2 C1 | A0-2: A2 | B0-3: none | C0-1: C1'],
  ['the next generation', 'A2 B1 B2 | A0-2: A2 | B0-1: B1 | B1-2: B2'],
  ['the end of a generation is somebody else’s', 'A2 B1 | A0-2: A2 | A2-4: foreign | B0-1: B1'],
  ['a generation that nobody came to', 'A2 B1 B2 C1 | A0-2: A2 | C0-1: C1'],
  ['a record whose commit was not seen', 'A2 A3 A4 | A0-2: A2 | A3-4: A4'],
  ['a record of a generation that is over is never found', 'A2 B1 | B0-1: B1 | A0-2: none'],
  ['nothing at all', '| A0-2: none | B0-1: none'],
])('%s', (_, story) => {
  const queue = new RecordQueue(1000)
  const [records, ...steps] = story.split('|').map((part) => part.trim())
  const add = (names: string): void => {
    for (const name of names.split(' ').filter(Boolean)) queue.add(record(name))
  }
  add(records!)
  for (const step of steps) {
    if (step.startsWith('+')) add(step.slice(1))
    else {
      const [commit, expected] = step.split(': ')
      expect(`${commit}: ${show(queue.take(frames(commit!)))}`).toBe(`${commit}: ${expected}`)
    }
  }
})

test('when too much waits, the oldest records go', () => {
  const queue = new RecordQueue(25)
  for (const name of ['A1', 'A2', 'B1', 'B2']) queue.add(record(name))
  expect(show(queue.take(frames('A0-1')))).toBe('foreign')
  expect(show(queue.take(frames('A1-2')))).toBe('foreign')
  expect(show(queue.take(frames('B0-1')))).toBe('B1')
  expect(show(queue.take(frames('B1-2')))).toBe('B2')
})

test('a long generation is taken to its end', () => {
  const queue = new RecordQueue(100_000)
  for (let frame = 1; frame <= 1000; frame++) queue.add(record(`A${frame}`))
  for (let frame = 1; frame <= 1000; frame++) expect(show(queue.take(frames(`A${frame - 1}-${frame}`)))).toBe(`A${frame}`)
  expect(queue.take(frames('A1000-1001'))).toBe('none')
})

const BYTES = 10

function record(name: string): JournalRecord {
  const { salts, isBefore, frame } = /^(?<salts>[A-Z])(?<isBefore>>?)(?<frame>\d+)$/.exec(name)!.groups as Record<string, string>
  return {
    ...saltsOf(salts!),
    frame: Number(frame),
    isBefore: isBefore !== '',
    schemaVersion: 0,
    byteLength: BYTES,
    statements: () => [],
  }
}

function frames(name: string): CommitFrames {
  const [before, last] = name.slice(1).split('-')
  return { ...saltsOf(name[0]!), before: Number(before), last: Number(last) }
}

function saltsOf(letter: string): { salt1: number; salt2: number } {
  return { salt1: letter.charCodeAt(0), salt2: 7 }
}

function show(found: JournalRecord | string): string {
  if (typeof found === 'string') return found
  return `${String.fromCharCode(found.salt1)}${found.isBefore ? '>' : ''}${found.frame}`
}
