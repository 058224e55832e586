import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StemmaError } from '@stemma/base'
import { decodeEntry } from '@stemma/log'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Faults, faultyDisk, faultyDriver } from '../../test/faults.ts'
import { SampleLog } from '../../test/sample-log.ts'
import { nodeDisk, type Disk } from '../disk/disk.ts'
import { betterSqlite3 } from '../sqlite/better-sqlite3.ts'
import type { SqliteDriver } from '../sqlite/driver.ts'
import type { LogStore } from './log-store.ts'
import { openLogStore } from './open-log-store.ts'

const LIMITS = { maxBytes: 1_500, maxAge: Infinity, unneededBytes: Infinity }

/** Nothing here takes the power away, so nothing need wait for the medium. */
const FAST_DISK: Disk = { ...nodeDisk, sync: () => {}, syncInBackground: async () => {}, syncFolderOf: () => {} }

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stemma-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** What a leader does with its log, from the first start on; `log` has what was written. */
async function work(store: LogStore, log: SampleLog): Promise<void> {
  if (store.readPlace() === undefined) store.begin(log.place, log.sums)
  for (let i = 0; i < 5; i++) {
    const sample = log.next({ commits: 1 + (i % 3), pages: [1 + i * 100, 2, 600], pageCount: i === 4 ? 500 : 700, payload: 100 })
    try {
      store.write(sample.batch)
    } catch (error) {
      expect(store.readPlace()?.position.sequence).toBe(log.sequence)
      throw error
    }
    log.add(sample)
    if (i % 2 === 0) store.sync()
    else await store.syncInBackground()
    store.retain(LIMITS, undefined, 0)
  }
}

/** The log is at a batch's end, its entries are a chain without gaps that ends there, and its sums are those of the place. */
function expectWhole(store: LogStore, log: SampleLog): void {
  const place = store.readPlace()
  if (place === undefined) return expect(store.size().bytes).toBe(0)
  expect(store.readSums().digest).toBe(place.digest)
  const [size] = store.size().formats
  if (size === undefined) return
  expect(size.newest).toBe(place.position.sequence)
  let digest: bigint | undefined
  for (let at = size.oldest - 1; ;) {
    const read = store.read({ format: 'wal', after: at, maxBytes: 500 })
    if (read.kind === 'end') break
    if (read.kind === 'gone') throw new Error(`gone at ${at}`)
    for (let offset = 0; offset < read.run.bytes.byteLength;) {
      const entry = decodeEntry(read.run.bytes, offset)!
      if (digest !== undefined) expect(entry.digestBefore).toBe(digest)
      digest = entry.digest
      offset += entry.byteLength
    }
    at = read.run.last
  }
  expect(log.sequence).toBeGreaterThanOrEqual(0)
}

test.each([
  ['once, EIO', false, 'EIO'],
  ['from then on, EIO', true, 'EIO'],
  ['once, no space', false, 'ENOSPC'],
  ['from then on, no space', true, 'ENOSPC'],
] as const)('after any call fails (%s), the log is whole and can be written', async (_name, forever, code) => {
  for (let nth = 1; ; nth++) {
    const database = join(folder, `${nth}.db`)
    const faults = new Faults()
    const options = {
      database,
      driver: faultyDriver(betterSqlite3, faults),
      disk: faultyDisk(FAST_DISK, faults),
      waitingBytesMin: 48,
    }
    const log = new SampleLog(700)
    let store: LogStore | undefined
    faults.arm(nth, { forever, code })
    try {
      store = openLogStore(options)
      await work(store, log)
    } catch (error) {
      if (!StemmaError.is(error)) {
        // `work` looks at the log after a failed write, which fails too when everything does.
        throw error
      }
      expect(['LOG_FULL', 'LOG_FAILED']).toContain(error.code)
    }
    const hit = faults.heal()
    // The same store goes on ...
    if (store !== undefined) {
      const place = store.readPlace()
      if (place !== undefined) expect(place.position.sequence).toBe(log.sequence)
      expectWhole(store, log)
      await work(store, log)
      store.close()
    }
    // ... and so does one that is opened anew.
    const again = openLogStore({ ...options, driver: betterSqlite3, disk: nodeDisk })
    expectWhole(again, log)
    if (store !== undefined) expect(again.readPlace()?.position.sequence).toBe(log.sequence)
    again.close()
    if (!hit) break
  }
})

test('killed at any moment, the log is whole and ends at a batch that was written or was just being written', async () => {
  const faults = new Faults()
  const database = join(folder, 'shop.db')
  const log = new SampleLog(700)
  const copies: { readonly path: string; readonly sequence: number; readonly call: string }[] = []
  faults.watch((call) => {
    const to = join(folder, String(copies.length))
    mkdirSync(to)
    for (const suffix of ['-stemma', '-stemma-wal']) {
      if (existsSync(database + suffix)) copyFileSync(database + suffix, join(to, `shop.db${suffix}`))
    }
    copies.push({ path: join(to, 'shop.db'), sequence: log.sequence, call })
  })
  const store = openLogStore({
    database,
    driver: faultyDriver(betterSqlite3, faults),
    disk: faultyDisk(FAST_DISK, faults),
    waitingBytesMin: 48,
  })
  await work(store, log)
  faults.watch(undefined)
  store.close()
  expect(copies.length).toBeGreaterThan(60)
  for (const { path, sequence, call } of copies) {
    const again = openLogStore({ database: path, driver: betterSqlite3, disk: nodeDisk })
    expectWhole(again, log)
    expect(again.readPlace()?.position.sequence ?? 0, call).toBe(sequence)
    again.close()
  }
})

/** A driver whose files may not grow beyond so many pages. */
function tightDriver(limit: { pages: number }): SqliteDriver {
  return {
    name: 'tight',
    open(path, options) {
      const connection = betterSqlite3.open(path, options)
      return {
        get inTransaction() {
          return connection.inTransaction
        },
        exec(sql) {
          connection.exec(sql)
        },
        prepare(sql) {
          const statement = connection.prepare(sql)
          if (!sql.startsWith('INSERT')) return statement
          const run: typeof statement.run = (...values) => {
            connection.prepare(`PRAGMA max_page_count = ${limit.pages}`).get()
            return statement.run(...values)
          }
          return { ...statement, run }
        },
        define: (name, how, call) => connection.define(name, how, call),
        close: () => connection.close(),
      }
    },
  }
}

test('on a full disk a write fails as a whole, and goes on when old entries were dropped', () => {
  const database = join(folder, 'shop.db')
  const limit = { pages: 100 }
  const store = openLogStore({ database, driver: tightDriver(limit), disk: nodeDisk })
  const log = new SampleLog(700)
  store.begin(log.place, log.sums)
  let full = 0
  for (let i = 0; i < 100; i++) {
    const sample = log.next({ commits: 1, pages: [1], payload: 30_000 })
    try {
      store.write(sample.batch)
    } catch (error) {
      if (!StemmaError.is(error, 'LOG_FULL')) throw error
      full++
      expectWhole(store, log)
      while (store.retain({ ...LIMITS, maxBytes: store.size().bytes / 2 }, undefined, 0));
      store.write(sample.batch)
    }
    log.add(sample)
  }
  expect(full).toBeGreaterThan(5)
  expectWhole(store, log)
  expect(store.readPlace()?.position.sequence).toBe(100)
  store.close()
})

const MODULE = new URL('../index.ts', import.meta.url).href

// A file size limit stands for a full disk: SQLite sees its write fail.
test('with no space to write anything at all, the log begins anew and says so', () => {
  const script = `
    import { betterSqlite3, nodeDisk, openLogStore, PageSums } from ${JSON.stringify(MODULE)}
    import { SampleLog } from ${JSON.stringify(new URL('../../test/sample-log.ts', import.meta.url).href)}
    process.on('SIGXFSZ', () => {})
    const store = openLogStore({ database: ${JSON.stringify(join(folder, 'shop.db'))}, driver: betterSqlite3, disk: nodeDisk })
    const log = new SampleLog(700)
    store.begin(log.place, log.sums)
    const codes = []
    const { cluster } = store
    for (let i = 0; i < 200; i++) {
      const sample = log.next({ commits: 1, pages: [1], payload: 20_000 })
      try { store.write(sample.batch) } catch (error) {
        codes.push(error.code)
        store.startOver(log.place, log.sums)
        store.write(sample.batch)
      }
      log.add(sample)
    }
    const same = store.cluster === cluster && store.readPlace().position.sequence === 200 && store.readSums().digest === log.sums.digest
    console.log(JSON.stringify({ codes, same, bytes: store.size().fileBytes }))
    store.close()
  `
  // In units of 512 or 1,024 bytes, as the shell has it: about 1 to 2 MB.
  const result = spawnSync('sh', ['-c', 'ulimit -f 2000; exec "$0" --input-type=module -e "$1"', process.execPath, script], {
    encoding: 'utf8',
  })
  expect(result.stderr).toBe('')
  const { codes, same, bytes } = JSON.parse(result.stdout) as { codes: string[]; same: boolean; bytes: number }
  // SQLite tells a full disk from other failed writes only where the system says ENOSPC.
  for (const code of codes) expect(['LOG_FULL', 'LOG_FAILED']).toContain(code)
  expect(codes.length).toBeGreaterThan(0)
  expect(same).toBe(true)
  expect(bytes).toBeLessThan(5_000_000)
})

test('a crash at any moment of a new start keeps whose log it is, and reuses no position', () => {
  const database = join(folder, 'shop.db')
  const log = new SampleLog(700)
  const crashes: string[] = []
  let isCounting = false
  const crashing = <K extends keyof Disk>(name: K): Disk[K] =>
    ((...given: unknown[]) => {
      if (isCounting) {
        const crash = `${folder}-${crashes.length}`
        cpSync(folder, crash, { recursive: true })
        crashes.push(crash)
      }
      return (FAST_DISK[name] as (...given: unknown[]) => unknown)(...given)
    }) as Disk[K]
  const disk: Disk = {
    ...FAST_DISK,
    remove: crashing('remove'),
    write: crashing('write'),
    sync: crashing('sync'),
    open: crashing('open'),
  }
  const store = openLogStore({ database, driver: betterSqlite3, disk })
  try {
    store.begin(log.place, log.sums)
    const sample = log.next({ commits: 3, pages: [1] })
    store.write(sample.batch)
    log.add(sample)
    const { cluster, node, epoch } = store
    isCounting = true
    store.startOver(log.place, log.sums)
    isCounting = false
    store.close()
    expect(crashes.length).toBeGreaterThan(6)
    let withoutPlace = 0
    for (const crash of crashes) {
      const after = openLogStore({ database: join(crash, 'shop.db'), driver: betterSqlite3, disk: FAST_DISK })
      const place = after.readPlace()
      expect([after.cluster, after.node]).toEqual([cluster, node])
      if (place === undefined) withoutPlace++
      expect(after.epoch).toBe(place === undefined ? epoch + 1 : epoch)
      if (place !== undefined) expect(place.position.sequence).toBe(log.sequence)
      after.close()
      expect(existsSync(join(crash, 'shop.db-stemma-renewal'))).toBe(false)
    }
    expect(withoutPlace).toBeGreaterThan(0)
  } finally {
    for (const crash of crashes) rmSync(crash, { recursive: true })
  }
})

test('another process reads while this one writes', () => {
  const database = join(folder, 'shop.db')
  const store = openLogStore({ database, driver: betterSqlite3, disk: nodeDisk })
  const log = new SampleLog(700)
  store.begin(log.place, log.sums)
  const script = `
    import { betterSqlite3, nodeDisk, openLogStore } from ${JSON.stringify(MODULE)}
    const store = openLogStore({ database: ${JSON.stringify(database)}, driver: betterSqlite3, disk: nodeDisk, readOnly: true })
    const { run } = store.read({ format: 'wal', after: 0, maxBytes: 1e6 })
    console.log(JSON.stringify([store.readPlace().position.sequence, run.last, store.readSums().digest.toString(), store.cluster]))
    store.close()
  `
  for (let i = 1; i <= 2; i++) {
    const sample = log.next({ commits: 2, pages: [i] })
    store.write(sample.batch)
    log.add(sample)
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    expect(JSON.parse(said)).toEqual([i * 2, i * 2, log.sums.digest.toString(), store.cluster])
  }
  store.close()
})
