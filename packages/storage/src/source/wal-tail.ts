import { StemmaError, type Milliseconds, type Position } from '@stemma/base'
import { frameOffset, type WalIndexHeader, type WordOrder } from '@stemma/sqlite-file'
import type { Disk } from '../disk/disk.ts'
import type { PageSums } from '../page-sums.ts'
import type { Place, WalPlace } from '../wal-place.ts'
import type { Backlog, KeptGeneration } from './backlog.ts'
import type { Capture } from './capture.ts'
import type { CommitBuilder } from './commit-builder.ts'
import type { BuiltCommit } from './commit.ts'
import type { FrameRing, ReadFrames } from './frame-ring.ts'
import type { LiveFiles } from './page-reader.ts'
import { placeAtStart } from './remains.ts'
import type { WalIndexView } from './wal-index-view.ts'

/**
 * What a look at the WAL gave.
 *
 * `idle`: nothing new. `read`: everything that was there has been read. `more`: something was read and there is more. `restarted`: the WAL
 * has other salts. `unclear`: the files did not agree; look again. `lost`: the WAL ends before the place where we are.
 */
export type Look = 'idle' | 'read' | 'more' | 'restarted' | 'unclear' | 'lost'

/**
 * Reads the WAL from where it is to its committed end, and gives each commit on. What was copied to the backlog comes first: the WAL may have
 * begun anew since, so the generation that is being read need not be the one that the WAL is in.
 */
export class WalTail {
  readonly #disk: Disk
  readonly #files: LiveFiles
  readonly #index: WalIndexView
  readonly #ring: FrameRing
  readonly #backlog: Backlog
  readonly #capture: Capture
  readonly #builder: CommitBuilder
  readonly #sums: PageSums
  readonly #onCommit: (commit: BuiltCommit) => void
  readonly #now: () => Milliseconds
  readonly #chunkFrames: number
  #salt1 = 0
  #salt2 = 0
  #wordOrder: WordOrder = 'little'
  /** The last frame of the last commit that was given on, in this generation. */
  #frame = 0
  /** Frames of a transaction whose end was not reached yet lie between `#frame` and this. */
  #scanned = 0
  readonly #epoch: number
  #position: Position
  #walPlace: WalPlace | undefined
  /** Something keeps the WAL from being restarted while it is read. */
  #isPinned = true
  /** By page: what commits have changed since `takeChangedSums`. */
  #changedSums = new Map<number, bigint>()
  /** Commits since the start. */
  commits = 0
  /** How many frames a commit has: of late, for the most part. */
  framesPerCommit: number = FRAMES_PER_COMMIT

  constructor(parts: {
    disk: Disk
    files: LiveFiles
    index: WalIndexView
    ring: FrameRing
    backlog: Backlog
    capture: Capture
    builder: CommitBuilder
    sums: PageSums
    position: Position
    /** Of new commits. */
    epoch: number
    now: () => Milliseconds
    onCommit: (commit: BuiltCommit) => void
  }) {
    this.#disk = parts.disk
    this.#files = parts.files
    this.#index = parts.index
    this.#ring = parts.ring
    this.#backlog = parts.backlog
    this.#capture = parts.capture
    this.#builder = parts.builder
    this.#sums = parts.sums
    this.#position = parts.position
    this.#epoch = parts.epoch
    this.#now = parts.now
    this.#onCommit = parts.onCommit
    this.#chunkFrames = Math.min(parts.ring.capacity >>> 2, Math.max(1, Math.floor(CHUNK_BYTES / parts.ring.pageSize)))
  }

  /** How many frames of the WAL's generation have been read, or copied to be read. */
  get frame(): number {
    return this.#backlog.end?.frame ?? this.#frame
  }

  /** The last frame that has been read or copied; undefined when there is none in the WAL's generation. */
  get end(): WalPlace | undefined {
    return this.frame === 0 ? undefined : (this.#backlog.end ?? this.#walPlace)
  }

  get position(): Position {
    return this.#position
  }

  get wordOrder(): WordOrder {
    return this.#wordOrder
  }

  get place(): Place {
    return {
      position: this.#position,
      digest: this.#sums.digest,
      pageSize: this.#ring.pageSize,
      pageCount: this.#sums.pageCount,
      wal: this.#walPlace,
    }
  }

  /** What the commits since the last call have changed; pages that were cut off are in it if they had changed before. */
  takeChangedSums(): Map<number, bigint> {
    const taken = this.#changedSums
    this.#changedSums = new Map()
    return taken
  }

  /**
   * Sets where to go on: after a frame of the generation that the wal-index names. Reads the frames up to there, to know which
   * pages they hold.
   *
   * @param frame - 0 for the start of the generation
   * @throws StemmaError DAMAGED_FILE when the WAL does not hold these frames
   */
  goTo(header: WalIndexHeader, frame: number): void {
    this.#ring.clear()
    this.#backlog.clear()
    this.#builder.drop()
    this.#setGeneration(header)
    for (let first = 1; first <= frame; first += this.#chunkFrames) {
      const count = Math.min(this.#chunkFrames, frame - first + 1)
      if (!this.#ring.load(this.#readWal, first, count)) throw shortWal(first + count - 1)
      for (let at = first; at < first + count; at++) {
        const offset = this.#ring.offsetOf(at)
        this.#checkSalts(offset, at)
        this.#ring.setLastIndexOf(this.#ring.headers.getUint32(offset), at)
      }
    }
    this.#frame = this.#scanned = frame
    if (frame > 0) this.#walPlace = this.#placeAt(frame)
    else this.#walPlace = placeAtStart(this.#disk, this.#files, header)
  }

  /**
   * Sets where to go on: after a frame of a generation that has been overwritten from its start, but not as far as that frame.
   *
   * @param wordOrder - as in the wal-index: it depends on the machine only
   */
  goToRemains(place: WalPlace, wordOrder: WordOrder): void {
    this.#ring.clear()
    this.#backlog.clear()
    this.#builder.drop()
    this.#salt1 = place.salt1
    this.#salt2 = place.salt2
    this.#wordOrder = wordOrder
    this.#frame = this.#scanned = place.frame
    this.#walPlace = place
  }

  /**
   * Copies what is left of a generation that is over, to be read later.
   *
   * @param isThere - whether the file still held all of it when this is called
   * @returns false when it had been overwritten
   */
  keepRemains(last: number, isThere: () => boolean): boolean {
    if (last === this.frame) return true
    this.#beginBacklog()
    return this.#capture.remains(last, isThere)
  }

  /**
   * Copies what the WAL holds, to be read later. The header is of the WAL's generation, and of no earlier frame than `frame`.
   *
   * @param pinned - false when nothing keeps the WAL from being restarted meanwhile
   * @returns false when it has been restarted
   */
  keep(header: WalIndexHeader, pinned: boolean): boolean {
    if (header.lastFrame === this.frame) return true
    this.#beginBacklog()
    return this.#capture.upTo(header, pinned)
  }

  /** Goes on at the first frame of a new generation of the WAL. Every frame of the one before must have been read or copied. */
  restart(header: WalIndexHeader): void {
    if (!this.#backlog.isEmpty) return this.#backlog.restart(header)
    this.#ring.restart(this.#frame, true)
    this.#goOnIn(header)
  }

  /** Sets the position without a commit: a log was taken back. */
  setPosition(position: Position): void {
    this.#position = position
  }

  /**
   * Reads frames, about 1 MiB at most, and gives on the commits that end in them.
   *
   * @param pinned - false when nothing keeps the WAL from being restarted while it is read
   */
  look(pinned: boolean): Look {
    this.#isPinned = pinned
    const header = this.#index.read()
    if (header === undefined) return 'unclear'
    if (!this.isCurrent(header)) return 'restarted'
    if (!this.#backlog.isEmpty) {
      this.takeKept(pinned ? this.#chunkFrames : UNPINNED_FRAMES)
      return 'more'
    }
    const { lastFrame } = header
    if (lastFrame === this.#frame) return 'idle'
    if (lastFrame < this.#frame || lastFrame < this.#scanned) return 'lost'
    const first = this.#scanned + 1
    const last = Math.min(lastFrame, this.#scanned + this.#chunkFrames)
    if (!this.#ring.load(this.#readWal, first, last - first + 1)) return 'unclear'
    if (!pinned) {
      // A restart is published before the first frame is overwritten: what was read before this was whole.
      const after = this.#index.read()
      if (after === undefined) return 'unclear'
      if (!this.isCurrent(after)) return 'restarted'
    }
    if (last === lastFrame && !this.#endsAs(header)) return 'unclear'
    this.#takeOrDrop(first, last)
    return last === lastFrame ? 'read' : 'more'
  }

  /** Reads frames of the backlog, about 1 MiB at most, and gives on the commits that end in them. */
  takeKept(framesMax: number = this.#chunkFrames): void {
    const { first } = this.#backlog
    if (this.#scanned < first.frame) {
      const from = this.#scanned + 1
      const last = Math.min(first.frame, this.#scanned + framesMax)
      this.#ring.load(this.#readBacklog, from, last - from + 1)
      this.#takeOrDrop(from, last)
      return
    }
    const next = this.#backlog.next()
    if (next === undefined) return
    this.#ring.restart(first.frame, false)
    this.#goOnIn(next)
  }

  /** True while something that was copied has not been read. */
  get isBehind(): boolean {
    return !this.#backlog.isEmpty
  }

  /** True when everything has been read that a wal-index header names. */
  hasRead(header: WalIndexHeader | undefined): boolean {
    return header !== undefined && !this.isBehind && this.isCurrent(header) && this.#frame >= header.lastFrame
  }

  /** Frames that have not been read, of those that a header names and those that were copied. */
  unread(header: WalIndexHeader): number {
    const waiting = this.isBehind ? this.#backlog.high - this.#ring.base - this.#frame : 0
    return waiting + this.uncopied(header)
  }

  /** Frames that have neither been read nor copied, of those that a header names. */
  uncopied(header: WalIndexHeader): number {
    return this.isCurrent(header) ? header.lastFrame - this.frame : header.lastFrame
  }

  /** True when a wal-index header is of the generation that has been read or copied last. */
  isCurrent(header: WalIndexHeader): boolean {
    const { salt1, salt2 } = this.#generation
    return header.salt1 === salt1 && header.salt2 === salt2
  }

  /** True when a header's generation is known to have come right after the one that is being read. */
  isNext(header: WalIndexHeader): boolean {
    return header.salt1 === (this.#generation.salt1 + 1) >>> 0
  }

  /** Gives on a commit that stands for what nobody saw. */
  recover(pages: readonly { readonly pageNumber: number; readonly sum: bigint }[], pageCount: number): void {
    this.#giveOn(this.#builder.recover(pages, { pageCount, ...this.#next() }))
  }

  get #generation(): Pick<KeptGeneration, 'salt1' | 'salt2'> {
    return this.#backlog.end ?? { salt1: this.#salt1, salt2: this.#salt2 }
  }

  readonly #readWal: ReadFrames = (into, first) =>
    this.#disk.read(this.#files.wal, into, frameOffset(first, this.#ring.pageSize)) === into.byteLength

  readonly #readBacklog: ReadFrames = (into, first) => {
    this.#backlog.readFrames(into, this.#ring.base + first)
    return true
  }

  #beginBacklog(): void {
    if (!this.#backlog.isEmpty) return
    // A transaction whose end was not seen is read once more.
    this.#builder.drop()
    this.#scanned = this.#frame
    const { checksum1, checksum2 } = this.#walPlace ?? { checksum1: 0, checksum2: 0 }
    this.#backlog.begin({
      salt1: this.#salt1,
      salt2: this.#salt2,
      wordOrder: this.#wordOrder,
      base: this.#ring.base,
      frame: this.#frame,
      checksum1,
      checksum2,
    })
  }

  #goOnIn(generation: { readonly salt1: number; readonly salt2: number; readonly wordOrder: WordOrder }): void {
    this.#builder.drop()
    this.#setGeneration(generation)
    this.#frame = this.#scanned = 0
  }

  #takeOrDrop(first: number, last: number): void {
    try {
      this.#take(first, last)
    } catch (error) {
      this.#builder.drop()
      this.#scanned = this.#frame
      throw error
    }
  }

  #take(first: number, last: number): void {
    const { headers, base } = this.#ring
    for (let frame = first; frame <= last; frame++) {
      const offset = this.#ring.offsetOf(base + frame)
      this.#checkSalts(offset, frame)
      this.#builder.add(headers.getUint32(offset), base + frame)
      this.#scanned = frame
      const pageCount = headers.getUint32(offset + 4)
      if (pageCount === 0) continue
      const frames = { salt1: this.#salt1, salt2: this.#salt2, before: this.#frame, last: frame }
      const end = { lastIndex: base + frame, frames, isUrgent: !this.#isPinned, pageCount, ...this.#next() }
      const commit = this.#builder.finish(end)
      this.framesPerCommit += (frame - this.#frame - this.framesPerCommit) / COMMITS_OF_LATE
      this.#frame = frame
      this.#walPlace = this.#placeAt(frame)
      this.#giveOn(commit)
    }
  }

  #giveOn(commit: BuiltCommit): void {
    this.#position = commit.position
    this.commits++
    for (const { pageNumber, sum } of commit.changed) this.#changedSums.set(pageNumber, sum)
    this.#onCommit(commit)
  }

  #next(): { readonly position: Position; readonly committedAt: Milliseconds } {
    return { position: { epoch: this.#epoch, sequence: this.#position.sequence + 1 }, committedAt: this.#now() }
  }

  #setGeneration(header: { readonly salt1: number; readonly salt2: number; readonly wordOrder: WordOrder }): void {
    this.#salt1 = header.salt1
    this.#salt2 = header.salt2
    this.#wordOrder = header.wordOrder
  }

  #placeAt(frame: number): WalPlace {
    const at = this.#ring.offsetOf(this.#ring.base + frame)
    const { headers } = this.#ring
    return {
      salt1: this.#salt1,
      salt2: this.#salt2,
      frame,
      checksum1: headers.getUint32(at + 16),
      checksum2: headers.getUint32(at + 20),
    }
  }

  #endsAs(header: WalIndexHeader): boolean {
    const at = this.#ring.offsetOf(this.#ring.base + header.lastFrame)
    const { headers } = this.#ring
    return headers.getUint32(at + 16) === header.checksum1 && headers.getUint32(at + 20) === header.checksum2
  }

  #checkSalts(offset: number, frame: number): void {
    const { headers } = this.#ring
    if (headers.getUint32(offset + 8) === this.#salt1 && headers.getUint32(offset + 12) === this.#salt2) return
    throw new StemmaError('DAMAGED_FILE', `frame ${frame} of the WAL has other salts than its header`, { frame })
  }
}

/** While nothing holds the WAL, somebody must look at it again soon. */
const UNPINNED_FRAMES = 32
const CHUNK_BYTES = 1024 * 1024
/** A guess, before any commit was seen. */
const FRAMES_PER_COMMIT = 4
const COMMITS_OF_LATE = 64

function shortWal(frame: number): StemmaError {
  return new StemmaError('DAMAGED_FILE', `the -wal file ends before frame ${frame}`, { frame })
}
