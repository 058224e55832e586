import { betterSqlite3, nodeDisk, openLogStore } from '@stemma/storage'
import { openTargetChanges } from '../changes/open-target.ts'
import { askStatus } from '../ask-status.ts'
import { digestOf, statusOf } from '../database-facts.ts'
import { openFollower, openLeader } from '../index.ts'
import { verifyCopy } from '../verify/verify-copy.ts'
import type { Engine, LogReader } from './engine.ts'

/** How much of a log is read at a time, in bytes. */
const READ_BYTES = 1024 * 1024

/** The engine that the command runs on outside of tests. */
export const engine: Engine = {
  openLeader,
  openFollower,
  readStatus({ target, token, tls }) {
    const secrets = { ...(token === undefined ? {} : { token }), ...(tls === undefined ? {} : { tls }) }
    return /^(?:tcp|tls):\/\//.test(target) ? askStatus({ url: target, ...secrets }) : statusOf(target, secrets)
  },
  readLog,
  openChanges: openTargetChanges,
  verify: verifyCopy,
  digestDatabase: digestOf,
}

function readLog(database: string): LogReader {
  const store = openLogStore({ database, driver: betterSqlite3, disk: nodeDisk, readOnly: true })
  return {
    formats: store.size().formats,
    *runs(format, after) {
      for (let last = after; ;) {
        const read = store.read({ format, after: last, maxBytes: READ_BYTES })
        if (read.kind === 'end') return
        if (read.kind === 'gone') {
          if (read.oldest <= last) return
          last = read.oldest
          continue
        }
        yield read.run.bytes
        last = read.run.last
      }
    },
    close: () => store.close(),
  }
}
