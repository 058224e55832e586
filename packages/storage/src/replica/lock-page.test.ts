import { closeSync, ftruncateSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { pageSum } from '@stemma/base'
import { lockBytePage } from '@stemma/sqlite-file'
import { expect, test } from 'vitest'
import { inFolder, open } from '../../test/replica/follow.ts'
import { TestLeader } from '../../test/replica/test-leader.ts'

// A database over 1 GiB, most of it a hole: pages of 64 KiB, so that there are few.
test('the page that holds the byte at 1 GiB is never data', () =>
  inFolder(async (folder) => {
    const pageSize = 65_536
    const lockPage = lockBytePage(pageSize)
    const leader = new TestLeader(join(folder, 'leader.db'), { pageSize })
    leader.run('CREATE TABLE t(x)')
    const pageCount = lockPage + 3
    const path = join(folder, 'copy.db')
    const file = openSync(path, 'w')
    writeSync(file, leader.bytes())
    ftruncateSync(file, pageCount * pageSize)
    closeSync(file)

    const replica = await open(folder, { adopt: true, check: 'digest' })
    const pages = new Map(leader.pages)
    pages.set(lockPage - 1, new Uint8Array(pageSize).fill(1))
    pages.set(lockPage + 1, new Uint8Array(pageSize).fill(2))
    leader.sums.setPageCount(pageCount)
    const zeros = new Uint8Array(pageSize)
    for (let page = 1; page <= pageCount; page++) {
      if (page !== lockPage) leader.sums.set(page, pageSum(page, pages.get(page) ?? zeros))
    }
    const staging = await replica.stage(leader.snapshot)
    let sent = 0
    for (let first = 1; first <= pageCount; first += 64) {
      const count = Math.min(64, pageCount - first + 1)
      const view = new DataView(staging.have(first, count).buffer)
      const leftOut = new Uint8Array(8)
      const parts: Uint8Array[] = []
      for (let i = 0; i < count; i++) {
        const isSame = view.byteLength > 0 && view.getBigUint64(8 * i, true) === leader.sums.get(first + i)
        if (isSame || first + i === lockPage) leftOut[i >> 3]! |= 1 << (i & 7)
        else parts.push(pages.get(first + i) ?? zeros)
      }
      sent += parts.length
      staging.write({ first, count, leftOut, bytes: Buffer.concat(parts) })
    }
    await staging.finish()
    expect(sent).toBe(2)
    expect(replica.state).toMatchObject({ kind: 'ready', digest: leader.digest, pageCount })
    replica.apply([leader.commit(new Map([[lockPage + 2, new Uint8Array(pageSize).fill(3)]]), pageCount)])
    await replica.close()

    expect(statSync(path).size).toBe(pageCount * pageSize)
    const copy = openSync(path, 'r')
    const read = (page: number): number => {
      const byte = new Uint8Array(1)
      readSync(copy, byte, 0, 1, (page - 1) * pageSize)
      return byte[0]!
    }
    expect([-1, 0, 1, 2].map((i) => read(lockPage + i))).toEqual([1, 0, 2, 3])
    closeSync(copy)
    leader.close()
  }))
