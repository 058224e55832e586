import type { Checkpointer } from '../checkpoint/checkpointer.ts'
import type { Disk } from '../disk/disk.ts'
import type { PageSums } from '../page-sums.ts'
import type { Place } from '../wal-place.ts'
import type { Backlog } from './backlog.ts'
import type { Capture } from './capture.ts'
import type { CommitBuilder } from './commit-builder.ts'
import type { FrameRing } from './frame-ring.ts'
import type { LiveFiles, PageReader } from './page-reader.ts'
import type { Pins } from './pins.ts'
import type { SourceOptions } from './source.ts'
import type { WalIndexView } from './wal-index-view.ts'

/** What a source is made of. It closes `pins`, `builder`, `checkpointer` and the `wal` of `files`. */
export interface SourceParts {
  readonly options: SourceOptions
  readonly disk: Disk
  readonly database: string
  readonly files: LiveFiles
  readonly pins: Pins
  readonly index: WalIndexView
  readonly ring: FrameRing
  readonly reader: PageReader
  readonly backlog: Backlog
  readonly capture: Capture
  readonly builder: CommitBuilder
  readonly sums: PageSums
  readonly checkpointer: Checkpointer
  readonly softFrames: number
  readonly hardFrames: number
  readonly readAtOnceFrames: number
  /** What the log held at the start. */
  readonly place: Place | undefined
}
