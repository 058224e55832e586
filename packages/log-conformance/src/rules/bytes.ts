import { equal, ok } from 'node:assert/strict'
import type { DecodedEntry } from '@stemma/log'
import { readContent } from '../lab/content.ts'
import { entryOf, type Lab } from '../lab/lab.ts'
import type { Leader } from '../lab/leader.ts'
import { lend } from '../lab/lend.ts'
import { samplesOf } from '../lab/samples.ts'
import { payloadOf, showBytes, showRows, use, useAll, usesOf } from '../lab/understand.ts'
import type { Rule } from '../rule.ts'
import { makesCopies, onlyForLogicalCopies } from '../subject.ts'
import { everyday, schemas } from '../workloads/stories.ts'

/** Whose bytes they are. */
export const bytesRules: readonly Rule[] = [
  {
    id: 'LF-21',
    says: '`encode` writes into nothing that the commit gave.',
    async check(lab) {
      await withLoans(lab, (commit, touched) => {
        lab.format.encode(commit)
        equal(touched(), undefined, 'it has written into what was lent')
      })
    },
  },
  {
    id: 'LF-22',
    says: '`encode` keeps nothing that the commit gave.',
    check: (lab) => (makesCopies(lab.format) ? keepsNothing(lab) : tellsWithoutLoans(lab)),
  },
  {
    id: 'LF-23',
    says: 'A payload is good until the next `encode`, whatever else is called meanwhile.',
    check: payloadsStay,
  },
  {
    id: 'LF-24',
    says: 'A payload that is applied, decoded or described is only read.',
    async check(lab) {
      for (const payload of await samplesOf(lab)) {
        const before = showBytes(payload.bytes)
        for (const how of usesOf(lab.reader)) {
          use(lab.reader, payload, how)
          equal(showBytes(payload.bytes), before, `the payload after ${how}`)
        }
      }
    },
  },
  {
    id: 'LF-25',
    says: 'A payload may begin at any offset of a larger buffer, and ends where its view ends.',
    async check(lab) {
      for (const payload of await samplesOf(lab)) {
        const expected = useAll(lab.reader, payload)
        for (const offset of [0, 1, 3, 8, 4093]) {
          const buffer = new Uint8Array(offset + payload.bytes.byteLength + 4096).fill(0x5a)
          buffer.set(payload.bytes, offset)
          const bytes = buffer.subarray(offset, offset + payload.bytes.byteLength)
          equal(useAll(lab.reader, { ...payload, bytes }), expected, `the same payload at offset ${offset}`)
        }
      }
    },
  },
  {
    id: 'LF-26',
    says: 'Decoded rows can be gone through again, and tell the same.',
    notFor: onlyForLogicalCopies,
    async check(lab) {
      const format = lab.reader
      let rowsSeen = 0
      for (const { bytes, version } of await samplesOf(lab)) {
        if (!('decode' in format)) continue
        const decoded = format.decode(bytes, version)
        const rows = 'kind' in decoded ? (decoded.kind === 'rows' ? decoded.rows : undefined) : decoded
        if (rows === undefined) continue
        rowsSeen += rows.tables.length
        const once = showRows(rows)
        equal(showRows(rows), once, 'the rows when they are gone through again')
      }
      ok(rowsSeen > 0, 'no payload told rows')
    },
  },
]

/** Lends every commit of a few stories. */
async function withLoans(
  lab: Lab,
  see: (commit: Parameters<typeof lend>[0], touched: () => string | undefined, spoil: () => void) => void,
  begin: (leader: Leader) => Promise<void> = () => Promise.resolve(),
): Promise<Leader> {
  const leader = await lab.leader([...everyday.first, ...schemas.first.map((sql) => sql.replaceAll(/\bt\b/g, 's'))])
  await begin(leader)
  const stop = leader.watch((commit) => {
    const lent = lend(commit)
    see(lent.commit, lent.touched, lent.spoil)
  })
  for (const transaction of everyday.transactions) await leader.run(transaction)
  await leader.run(['CREATE TABLE more (a, b)', "INSERT INTO more VALUES (1, 'x'), (2, 'y'), (3, printf('%.*c', 5000, 'z'))"])
  await leader.run(["UPDATE s SET b = b || '?'", 'DELETE FROM more WHERE a = 2', 'UPDATE more SET a = a + 1'])
  stop()
  return leader
}

async function keepsNothing(lab: Lab): Promise<void> {
  const { format } = lab
  let copy
  const entries: DecodedEntry[] = []
  const leader = await withLoans(
    lab,
    (commit, _, spoil) => {
      const payload = format.encode(commit)
      spoil()
      entries.push(entryOf(commit, format, payload))
    },
    async (each) => {
      copy = await lab.copy(each)
    },
  )
  copy!.apply(entries)
  copy!.mustEqual(readContent(leader.connection), 'by payloads whose commits had ended')
}

/** The same where no copy is made. */
async function tellsWithoutLoans(lab: Lab): Promise<void> {
  const { format, reader } = lab
  await withLoans(lab, (commit, _, spoil) => {
    const told = useAll(reader, payloadOf(format, commit))
    const bytes = format.encode(commit)
    spoil()
    equal(useAll(reader, { bytes, version: format.version, pageSize: commit.pageSize }), told, 'a payload whose commit has ended')
  })
}

/** A payload that waits to be written, while the same format is asked about others. */
async function payloadsStay(lab: Lab): Promise<void> {
  const { format } = lab
  const samples = await samplesOf(lab)
  const leader = await lab.leader(everyday.first)
  const stop = leader.watch((commit) => {
    const payload = format.encode(commit)
    const before = showBytes(payload)
    for (const sample of samples) useAll(format, sample)
    equal(showBytes(payload), before, 'the payload while others are read')
    const { bytes, version } = { bytes: payload, version: format.version }
    useAll(format, { bytes, version, pageSize: commit.pageSize })
    equal(showBytes(payload), before, 'the payload while it is read')
  })
  for (const transaction of everyday.transactions) await leader.run(transaction)
  stop()
}
