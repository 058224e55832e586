import type { Disk } from '../src/disk/disk.ts'
import type { SqliteConnection, SqliteDriver, SqliteStatement } from '../src/sqlite/driver.ts'

/** What fails, and when: the N-th call counted from `arm`, once or from then on. */
export class Faults {
  calls = 0
  #failAt = Infinity
  #forever = false
  #code = 'EIO'
  #watch: ((call: string) => void) | undefined

  /** The `nth` call from now on fails, counted from 1. */
  arm(nth: number, options: { readonly forever: boolean; readonly code?: 'EIO' | 'ENOSPC' }): void {
    this.calls = 0
    this.#failAt = nth
    this.#forever = options.forever
    this.#code = options.code ?? 'EIO'
  }

  /** Nothing fails any more. Tells whether anything did. */
  heal(): boolean {
    const hit = this.calls >= this.#failAt
    this.#failAt = Infinity
    return hit
  }

  /** Looks at the world before each call. */
  watch(look: ((call: string) => void) | undefined): void {
    this.#watch = look
  }

  call(name: string, side: 'disk' | 'driver'): void {
    this.calls++
    this.#watch?.(name)
    if (this.calls === this.#failAt || (this.#forever && this.calls > this.#failAt)) {
      throw Object.assign(new Error(`injected failure of ${name}`), {
        code: side === 'disk' ? this.#code : sqliteCodeOf(this.#code),
      })
    }
  }
}

/** A disk whose calls fail as `faults` says. What closes and what only asks never fails. */
export function faultyDisk(disk: Disk, faults: Faults): Disk {
  const wrapped: Record<string, unknown> = {}
  for (const [name, method] of Object.entries(disk) as [keyof Disk, (...values: unknown[]) => unknown][]) {
    wrapped[name] = (...values: unknown[]): unknown => {
      if (name !== 'close') faults.call(`disk.${name}`, 'disk')
      return method.apply(disk, values)
    }
  }
  return wrapped as unknown as Disk
}

/** A driver whose calls fail as `faults` says. */
export function faultyDriver(driver: SqliteDriver, faults: Faults): SqliteDriver {
  return {
    name: driver.name,
    open(path, options) {
      faults.call('open', 'driver')
      return faultyConnection(driver.open(path, options), faults)
    },
  }
}

function faultyConnection(connection: SqliteConnection, faults: Faults): SqliteConnection {
  return {
    get inTransaction() {
      return connection.inTransaction
    },
    exec(sql) {
      faults.call(sql, 'driver')
      connection.exec(sql)
    },
    prepare(sql) {
      const statement = connection.prepare(sql)
      const through = <K extends keyof SqliteStatement>(kind: K): SqliteStatement[K] =>
        ((...values: never[]) => {
          faults.call(sql, 'driver')
          return (statement[kind] as (...v: never[]) => unknown)(...values)
        }) as SqliteStatement[K]
      return { run: through('run'), get: through('get'), all: through('all'), execute: through('execute') }
    },
    define: (name, options, call) => connection.define(name, options, call),
    close: () => connection.close(),
  }
}

function sqliteCodeOf(code: string): string {
  return code === 'ENOSPC' ? 'SQLITE_FULL' : 'SQLITE_IOERR_WRITE'
}
