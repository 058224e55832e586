import { expect, test } from 'vitest'
import {
  FrameChain,
  HOST_ORDER,
  READ_MARK_UNUSED,
  WAL_INDEX_BLOCK_SIZE,
  WalIndexBlock,
  decodeCheckpointInfo,
  decodeFrameHeader,
  decodeWalHeader,
  decodeWalIndexHeader,
  encodeWalHeader,
  encodeWalIndexHeader,
  frameOffset,
  framesIn,
  firstFrameOf,
  hashBlockOf,
  lastFrameOf,
  walIndexSize,
} from '../src/index.ts'
import { ask, withDatabase } from './sqlite-files.ts'

const PAGE_SIZES = [512, 1024, 4096, 65_536]

const setup = (pageSize: number): string[] => [
  `PRAGMA page_size = ${pageSize}`,
  'PRAGMA journal_mode = WAL',
  'PRAGMA wal_autocheckpoint = 0',
  'CREATE TABLE t (id INTEGER PRIMARY KEY, x)',
]

test.each(PAGE_SIZES)('a WAL with pages of %i bytes is read to its last frame, as the wal-index says', (pageSize) => {
  withDatabase(setup(pageSize), ({ db, read }) => {
    const insert = db.prepare('INSERT INTO t (x) VALUES (randomblob(?))')
    for (let i = 0; i < 40; i++) insert.run(i * 50)
    const wal = read('-wal')
    const { header, chain, frames } = follow(wal)
    const index = indexHeader(read('-shm'))

    expect(header.pageSize).toBe(pageSize)
    expect(header.wordOrder).toBe(HOST_ORDER)
    expect(frames.length).toBe(index.lastFrame)
    expect(framesIn(wal.length, pageSize)).toBe(index.lastFrame)
    expect(frames.at(-1)!.commitPageCount).toBe(ask(db, 'PRAGMA page_count'))
    expect(index).toMatchObject({ pageSize, pageCount: ask(db, 'PRAGMA page_count'), salt1: header.salt1, salt2: header.salt2 })
    expect([index.checksum1, index.checksum2]).toEqual([chain.checksum1, chain.checksum2])
    expect(frames.filter((frame) => frame.commitPageCount > 0).length).toBe(41)
  })
})

test.each(PAGE_SIZES)('headers and frames with pages of %i bytes are encoded as SQLite encodes them', (pageSize) => {
  withDatabase(setup(pageSize), ({ db, read }) => {
    db.exec('INSERT INTO t (x) VALUES (1), (2)')
    const wal = read('-wal')
    const { header, frames } = follow(wal)
    const made = encodeWalHeader(header)
    const copy = new Uint8Array(wal.length)
    copy.set(made.bytes)
    const chain = new FrameChain(made.header)
    for (const [i, frame] of frames.entries()) {
      const offset = frameOffset(i + 1, pageSize)
      copy.set(wal.subarray(offset + 24, offset + 24 + pageSize), offset + 24)
      chain.append(copy, offset, frame)
    }
    expect(Buffer.compare(copy, wal)).toBe(0)

    const shm = read('-shm')
    expect(encodeWalIndexHeader(indexHeader(shm))).toEqual(shm.subarray(0, 48))
  })
})

test('a frame that is not the next one is not followed', () => {
  withDatabase(setup(512), ({ db, read }) => {
    db.exec('INSERT INTO t (x) VALUES (1)')
    const wal = read('-wal')
    const { header } = follow(wal)
    const chain = new FrameChain(header)
    expect(chain.follow(wal, frameOffset(2, 512))).toBe(false)
    expect(chain.follow(wal.subarray(0, wal.length - 1), frameOffset(framesIn(wal.length, 512), 512))).toBe(false)
    expect(chain.follow(wal, frameOffset(1, 512))).toBe(true)
    const sum = [chain.checksum1, chain.checksum2]
    for (const at of [0, 9, 17, 100]) {
      const damaged = wal.slice()
      damaged[frameOffset(2, 512) + at]! ^= 1
      expect(chain.follow(damaged, frameOffset(2, 512))).toBe(false)
      expect([chain.checksum1, chain.checksum2]).toEqual(sum)
    }
    chain.moveTo(header.checksum1, header.checksum2)
    expect(chain.follow(wal, frameOffset(1, 512))).toBe(true)
  })
})

test('the hash tables of three blocks name the last frame of every page, and are built the same', () => {
  withDatabase(setup(512), ({ db, read }) => {
    const insert = db.prepare('INSERT INTO t (x) VALUES (randomblob(?))')
    for (let i = 0; i < 2600; i++) insert.run((i * 37) % 3000)
    const { frames } = follow(read('-wal'))
    const shm = read('-shm')
    const index = indexHeader(shm)
    const lastBlock = hashBlockOf(index.lastFrame)
    expect(lastBlock).toBeGreaterThanOrEqual(2)
    expect(shm.length).toBe(walIndexSize(index.lastFrame))

    const rebuilt = new Uint8Array(shm.length).fill(0xaa)
    rebuilt.set(shm.subarray(0, 136))
    const theirs = blocksOf(shm)
    const ours = blocksOf(rebuilt)
    const lastFrames = new Map<number, number>()
    for (const [i, { pageNumber }] of frames.entries()) {
      ours[hashBlockOf(i + 1)]!.append(i + 1, pageNumber)
      lastFrames.set(pageNumber, i + 1)
    }
    expect(Buffer.compare(rebuilt, shm)).toBe(0)

    const find = (pageNumber: number, lastFrame: number): number => {
      for (let block = hashBlockOf(lastFrame); block >= 0; block--) {
        const frame = theirs[block]!.find(pageNumber, { firstFrame: 1, lastFrame })
        if (frame !== 0) return frame
      }
      return 0
    }
    for (const [pageNumber, frame] of lastFrames) {
      expect(find(pageNumber, index.lastFrame)).toBe(frame)
      expect(theirs[hashBlockOf(frame)]!.pageOf(frame)).toBe(pageNumber)
    }
    const earlier = frames.slice(0, 5000).findLastIndex((frame) => frame.pageNumber === 2) + 1
    expect(find(2, 5000)).toBe(earlier)
    expect(find(1_000_000, index.lastFrame)).toBe(0)
  })
})

test('what a writer that rolled back left in the hash table does not count, and goes when the next frame comes', () => {
  withDatabase([...setup(512), 'PRAGMA cache_size = 1', 'PRAGMA cache_spill = 1'], ({ db, read }) => {
    db.exec('INSERT INTO t (x) VALUES (1)')
    const before = indexHeader(read('-shm')).lastFrame
    db.exec('BEGIN')
    for (let i = 0; i < 100; i++) db.exec('INSERT INTO t (x) VALUES (randomblob(600))')
    const spilled = read('-shm')
    const block = new WalIndexBlock(spilled.subarray(0, WAL_INDEX_BLOCK_SIZE), 0)
    expect(indexHeader(spilled).lastFrame).toBe(before)
    const leftOver = block.pageOf(before + 1)
    expect(leftOver).toBeGreaterThan(0)
    expect(block.pageOf(before + 20)).toBeGreaterThan(0)
    expect(block.find(block.pageOf(before + 20), { firstFrame: 1, lastFrame: before })).toBe(0)

    expect(block.append(before + 1, 777).cleared).toBe(true)
    expect(block.append(before + 2, 778).cleared).toBe(false)
    expect([1, 2, 3, 20].map((n) => block.pageOf(before + n))).toEqual([777, 778, 0, 0])
    db.exec('ROLLBACK')
    expect(indexHeader(read('-shm')).lastFrame).toBe(before)
  })
})

test('what a checkpoint has copied and readers hold is read', () => {
  withDatabase(setup(1024), ({ db, read }) => {
    db.exec('INSERT INTO t (x) VALUES (1)')
    const { lastFrame } = indexHeader(read('-shm'))
    expect(decodeCheckpointInfo(read('-shm'))).toMatchObject({ backfilled: 0 })
    db.exec('PRAGMA wal_checkpoint(PASSIVE)')
    const info = decodeCheckpointInfo(read('-shm'))!
    expect(info).toMatchObject({ backfilled: lastFrame, backfillAttempted: lastFrame })
    expect(info.readMarks.length).toBe(5)
    expect(info.readMarks.at(-1)).toBe(READ_MARK_UNUSED)
    expect(decodeCheckpointInfo(new Uint8Array(135))).toBe(undefined)
  })
})

test('a WAL that starts again has salt1 one higher and counts its checkpoint', () => {
  withDatabase(setup(4096), ({ db, read }) => {
    const first = follow(read('-wal')).header
    db.exec('PRAGMA wal_checkpoint(RESTART)')
    db.exec('INSERT INTO t (x) VALUES (1)')
    const second = follow(read('-wal'))
    expect(second.header.salt1).toBe((first.salt1 + 1) >>> 0)
    expect(second.header.checkpointSequence).toBe(first.checkpointSequence + 1)
    expect(second.frames.length).toBe(1)
  })
})

test('blocks meet without a gap', () => {
  for (let block = 0; block < 5; block++) {
    expect(hashBlockOf(firstFrameOf(block))).toBe(block)
    expect(hashBlockOf(lastFrameOf(block))).toBe(block)
    expect(lastFrameOf(block) + 1).toBe(firstFrameOf(block + 1))
  }
})

function follow(wal: Uint8Array) {
  const start = decodeWalHeader(wal)
  if (start.kind !== 'header') throw new Error(`empty: ${start.why}`)
  const { header } = start
  const chain = new FrameChain(header)
  const frames = []
  for (let frame = 1; chain.follow(wal, frameOffset(frame, header.pageSize)); frame++) {
    frames.push(decodeFrameHeader(wal, frameOffset(frame, header.pageSize)))
  }
  return { header, chain, frames }
}

function indexHeader(shm: Uint8Array) {
  const start = decodeWalIndexHeader(shm)
  if (start.kind !== 'header') throw new Error(start.kind)
  return start.header
}

function blocksOf(shm: Uint8Array): WalIndexBlock[] {
  return Array.from(
    { length: shm.length / WAL_INDEX_BLOCK_SIZE },
    (_, block) => new WalIndexBlock(shm.subarray(block * WAL_INDEX_BLOCK_SIZE, (block + 1) * WAL_INDEX_BLOCK_SIZE), block),
  )
}
