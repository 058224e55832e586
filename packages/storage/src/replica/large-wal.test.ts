import { closeSync, fstatSync } from 'node:fs'
import { join } from 'node:path'
import {
  FRAME_HEADER_SIZE,
  FrameChain,
  HOST_ORDER,
  WAL_INDEX_BLOCK_SIZE,
  WAL_INDEX_HEADER_SIZE,
  WalIndexBlock,
  decodeWalIndexHeader,
  frameOffset,
  framePageNumber,
  framesIn,
  hashBlockOf,
  type WalIndexHeader,
} from '@stemma/sqlite-file'
import { expect, test } from 'vitest'
import { inFolder } from '../../test/replica/follow.ts'
import { nodeDisk } from '../disk/disk.ts'
import { WalAppender } from './wal-appender.ts'

const PAGE_SIZE = 4096
/** More than 4 GiB of frames, and more frames than a signed number of 32 bits counts. */
const LAST_FRAMES = [1_100_000, 2 ** 31 + 5]

test.each(LAST_FRAMES)('a transaction is added to a WAL that has %d frames already', (lastFrame) =>
  inFolder((folder) => {
    // Files with holes: nothing but what is added is there.
    const [wal, shm] = [nodeDisk.open(join(folder, 'wal'), 'create'), nodeDisk.open(join(folder, 'shm'), 'create')]
    const header: WalIndexHeader = {
      changeCounter: 7,
      wordOrder: HOST_ORDER,
      pageSize: PAGE_SIZE,
      lastFrame,
      pageCount: 90,
      checksum1: 11,
      checksum2: 12,
      salt1: 13,
      salt2: 14,
    }
    const appender = new WalAppender({ disk: nodeDisk, wal, shm, pageSize: PAGE_SIZE, header, newSalts: () => [1, 2] })
    const pages = [new Uint8Array(PAGE_SIZE).fill(3), new Uint8Array(PAGE_SIZE).fill(4)]
    expect(pages.map((page, i) => appender.add(40 + i, page, i === 1 ? 91 : 0))).toEqual([lastFrame + 1, lastFrame + 2])
    appender.write()
    appender.publish()

    expect(framesIn(fstatSync(wal).size, PAGE_SIZE)).toBe(lastFrame + 2)
    const chain = new FrameChain({ ...header, pageSize: PAGE_SIZE })
    const frame = new Uint8Array(FRAME_HEADER_SIZE + PAGE_SIZE)
    for (const [i, page] of pages.entries()) {
      expect(nodeDisk.read(wal, frame, frameOffset(lastFrame + 1 + i, PAGE_SIZE))).toBe(frame.byteLength)
      expect(chain.follow(frame, 0)).toBe(true)
      expect(framePageNumber(frame, 0)).toBe(40 + i)
      expect(frame.subarray(FRAME_HEADER_SIZE)).toEqual(page)
    }
    const start = new Uint8Array(WAL_INDEX_HEADER_SIZE)
    nodeDisk.read(shm, start, 0)
    const { checksum1, checksum2 } = chain
    expect(decodeWalIndexHeader(start)).toMatchObject({
      kind: 'header',
      header: { lastFrame: lastFrame + 2, pageCount: 91, checksum1, checksum2 },
    })
    const number = hashBlockOf(lastFrame + 2)
    const bytes = new Uint8Array(WAL_INDEX_BLOCK_SIZE)
    nodeDisk.read(shm, bytes, number * WAL_INDEX_BLOCK_SIZE)
    expect(new WalIndexBlock(bytes, number).pageOf(lastFrame + 2)).toBe(41)
    closeSync(wal)
    closeSync(shm)
  }),
)
