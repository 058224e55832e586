import { StemmaError, showPosition } from '@stemma/base'
import { ENTRY_BYTES_MAX, ENVELOPE_BYTES_MAX, writeEntry, type Commit, type LogFormat } from '@stemma/log'
import type { EntryRun } from '@stemma/storage'
import type { FormatWork } from '../status.ts'
import type { FormatGuard } from './format-guard.ts'

const EMPTY = new Uint8Array(0)

/** Entries are put one after another into pieces of memory of this size, in bytes: cheaper than a piece for each. */
const SLAB_BYTES = 256 * 1024

/** Encodes commits into entries of one format. */
export class EntryLog {
  readonly format: LogFormat
  readonly #guard: FormatGuard | undefined
  #slab: Uint8Array = EMPTY
  /** The entries of the run that grows are here in the slab. */
  #start = 0
  #end = 0
  #first = 0
  #last = 0
  #entries = 0
  #bytes = 0
  #tookMs = 0
  #barriers = 0
  #asRows = 0
  #failures = 0

  /** @param guard - calls the format, one that isn't ours */
  constructor(format: LogFormat, guard?: FormatGuard) {
    this.format = format
    this.#guard = guard
  }

  /** Why nothing but barriers is added any more; undefined while that is not so. */
  get suspended(): StemmaError | undefined {
    return this.#guard?.suspended
  }

  /** True for a format that isn't ours. */
  get isGuarded(): boolean {
    return this.#guard !== undefined
  }

  /** What was done so far. */
  get work(): FormatWork {
    const [entries, bytes, tookMs, barriers] = [this.#entries, this.#bytes, this.#tookMs, this.#barriers]
    const asRows = this.format.view === 'statements' ? { asRows: this.#asRows } : {}
    const suspended = this.suspended === undefined ? {} : { suspended: this.suspended.message }
    return { format: this.format.name, entries, bytes, tookMs, barriers, ...asRows, ...suspended }
  }

  /** Adds a commit. One that the format can't put into an entry becomes a barrier, behind which followers need a snapshot. */
  add(commit: Commit, onFailure: (error: unknown) => void): void {
    const startedAt = performance.now()
    let payload: Uint8Array | undefined
    // `pages` are left out of a commit that is too large; `rows` are asked for all the same, and say so. Statements may be at hand.
    if ((!commit.oversized || this.format.view !== 'pages') && this.suspended === undefined) {
      try {
        payload = checkPayload((this.#guard ?? this.format).encode(commit), this.format, commit)
      } catch (error) {
        if (!StemmaError.is(error)) this.#tellFailure(commit, error, onFailure)
        // That it is suspended is for those who ask.
        else if (error !== this.suspended) onFailure(error)
      }
    }
    const barrier = payload === undefined
    payload ??= EMPTY
    this.#reserve(ENVELOPE_BYTES_MAX + payload.byteLength)
    if (this.#start === this.#end) this.#first = commit.position.sequence
    this.#last = commit.position.sequence
    const start = this.#end
    this.#end = writeEntry(this.#slab, this.#end, {
      format: this.format.name,
      formatVersion: this.format.version,
      position: commit.position,
      committedAt: commit.committedAt,
      recovered: commit.recovered,
      barrier,
      digest: commit.digest,
      digestBefore: commit.digestBefore,
      payload,
    })
    this.#entries++
    this.#bytes += this.#end - start
    if (barrier) this.#barriers++
    else if (this.format.view === 'statements' && this.format.holdsRows?.(payload) === true) this.#asRows++
    this.#tookMs += performance.now() - startedAt
  }

  /** A format that fails may do so at every commit: it is told the first time, the second, the fourth, and so on. */
  #tellFailure({ position }: Commit, cause: unknown, onFailure: (error: unknown) => void): void {
    const failures = ++this.#failures
    if ((failures & (failures - 1)) !== 0) return
    const { name } = this.format
    const what = `the format ${name} failed at ${showPosition(position)}: ${String(cause)}`
    onFailure(new StemmaError('FORMAT_FAILED', what, { format: name, position, failures }, cause))
  }

  /** The entries added since the last call, as one run; undefined when there are none. */
  takeRun(): EntryRun | undefined {
    if (this.#start === this.#end) return undefined
    let bytes = this.#slab.subarray(this.#start, this.#end)
    this.#start = this.#end
    if (this.#slab.byteLength > SLAB_BYTES) {
      bytes = bytes.slice()
      this.#slab = EMPTY
      this.#start = this.#end = 0
    }
    return { format: this.format.name, first: this.#first, last: this.#last, bytes }
  }

  #reserve(count: number): void {
    if (this.#end + count <= this.#slab.byteLength) return
    const run = this.#slab.subarray(this.#start, this.#end)
    const needed = run.byteLength + count
    this.#slab = new Uint8Array(needed <= SLAB_BYTES ? SLAB_BYTES : 2 * needed)
    this.#slab.set(run)
    this.#start = 0
    this.#end = run.byteLength
  }
}

/** Rows tell what was and what is, so they may take more than the pages that hold them. */
function checkPayload(payload: unknown, { name }: LogFormat, { position }: Commit): Uint8Array {
  if (!(payload instanceof Uint8Array)) throw new TypeError(`it gave no bytes, but ${typeof payload}`)
  const { byteLength } = payload
  if (byteLength <= ENTRY_BYTES_MAX) return payload
  const size = `${byteLength} bytes of ${name}, more than ${ENTRY_BYTES_MAX}`
  throw new StemmaError('SNAPSHOT_NEEDED', `the commit at ${showPosition(position)} takes ${size}`, { position, byteLength })
}
