import { isLinkUrl } from '@stemma/transport'
import { openTargetChanges, openTargetPayloads } from '../changes/open-target.ts'
import { askStatus } from '../ask-status.ts'
import { digestOf, statusOf } from '../database-facts.ts'
import { openFollower, openLeader } from '../index.ts'
import { openLogFile } from '../log/log-file.ts'
import { verifyCopy } from '../verify/verify-copy.ts'
import type { Engine } from './engine.ts'

/** The engine that the command runs on outside of tests. */
export const engine: Engine = {
  openLeader,
  openFollower,
  readStatus({ target, token, tls }) {
    const secrets = { ...(token === undefined ? {} : { token }), ...(tls === undefined ? {} : { tls }) }
    return isLinkUrl(target) ? askStatus({ url: target, ...secrets }) : statusOf(target, secrets)
  },
  readLog: openLogFile,
  openChanges: openTargetChanges,
  openPayloads: openTargetPayloads,
  verify: verifyCopy,
  digestDatabase: digestOf,
}
