import type { Disk } from '../../disk/disk.ts'
import type { SqliteConnection, SqliteDriver, SqliteStatement } from '../../sqlite/driver.ts'

/** Makes the `at`-th call fail, once or from then on. */
export class Faults {
  calls = 0
  readonly #at: number
  readonly #forever: boolean
  /** No call fails while this is false; none is counted either. */
  on = true

  constructor(at: number, forever: boolean) {
    this.#at = at
    this.#forever = forever
  }

  get happened(): boolean {
    return this.calls >= this.#at
  }

  check(): void {
    if (!this.on) return
    this.calls++
    if (this.calls === this.#at || (this.#forever && this.calls > this.#at))
      throw Object.assign(new Error('injected'), { code: 'EIO' })
  }
}

/** A disk whose calls may fail. */
export function faultyDisk(disk: Disk, faults: Faults): Disk {
  return new Proxy(disk, {
    get(target, name, receiver) {
      const value = Reflect.get(target, name, receiver) as (...parameters: unknown[]) => unknown
      return (...parameters: unknown[]) => {
        if (name === 'syncInBackground') {
          try {
            faults.check()
          } catch (error) {
            return Promise.reject(error as Error)
          }
        } else if (name !== 'close') faults.check()
        return value.apply(target, parameters)
      }
    },
  })
}

/** A driver whose calls may fail before they do anything. Closing never fails. */
export function faultyDriver(driver: SqliteDriver, faults: Faults): SqliteDriver {
  return {
    name: driver.name,
    open(path, options) {
      faults.check()
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
      faults.check()
      connection.exec(sql)
    },
    prepare(sql): SqliteStatement {
      faults.check()
      const statement = connection.prepare(sql)
      const checked =
        <P extends unknown[], R>(call: (...parameters: P) => R) =>
        (...parameters: P): R => {
          faults.check()
          return call(...parameters)
        }
      return {
        run: checked(statement.run),
        get: checked(statement.get),
        all: checked(statement.all),
        execute: checked(statement.execute),
      }
    },
    define: (name, options, call) => connection.define(name, options, call),
    close: () => connection.close(),
  }
}
