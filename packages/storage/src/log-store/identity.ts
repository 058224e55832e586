import { randomBytes } from 'node:crypto'
import { StemmaError } from '@stemma/base'
import type { SqliteConnection } from '../sqlite/driver.ts'

/** Whose log it is. */
export interface Identity {
  readonly cluster: string
  readonly node: string
  readonly epoch: number
  readonly url: string
}

/** Whose a new log is: nobody's yet. */
export function newIdentity(): Identity {
  return { cluster: randomBytes(16).toString('hex'), node: randomBytes(16).toString('hex'), epoch: 1, url: '' }
}

/** Makes the table that says it. */
export function createIdentity(connection: SqliteConnection, identity: Identity): void {
  connection.exec('CREATE TABLE node("cluster" TEXT NOT NULL, node TEXT NOT NULL, epoch INTEGER NOT NULL, url TEXT NOT NULL)')
  const { cluster, node, epoch, url } = identity
  connection.prepare('INSERT INTO node VALUES (?, ?, ?, ?)').run(cluster, node, epoch, url)
}

/** @throws StemmaError DAMAGED_LOG */
export function readIdentity(connection: SqliteConnection, path: string): Identity {
  const row = connection.prepare('SELECT "cluster", node, epoch, url FROM node').get()
  if (row === undefined) throw new StemmaError('DAMAGED_LOG', `${path} does not say whose it is`, { path })
  return { cluster: String(row['cluster']), node: String(row['node']), epoch: Number(row['epoch']), url: String(row['url']) }
}

/** Sees to it that new commits have at least this epoch. */
export function raiseEpoch(connection: SqliteConnection, epoch: number): void {
  connection.prepare('UPDATE node SET epoch = max(epoch, ?)').run(epoch)
}
