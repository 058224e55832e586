import { type Position, showPosition } from '@stemma/base'
import type { FollowerStatus, FormatWork, NodeStatus } from '../status.ts'
import type { Context } from './context.ts'
import { short } from './event-text.ts'
import { EXIT, type ExitCode } from './exit-code.ts'
import { showBytes, showCount, showMany, showSeconds } from './quantity.ts'
import { openScreen } from './screen.ts'
import { readTextFile, readToken } from './token.ts'

/** The options of `stemma status`, as they were typed. */
export interface StatusFlags {
  readonly tokenFile?: string
  readonly tlsCa?: string
  readonly json?: boolean
}

/** Prints what a node says about itself, or what is known of a database that no node has open. */
export async function printStatus(target: string, flags: StatusFlags, context: Context): Promise<ExitCode> {
  const token = readToken(flags.tokenFile, context.env)
  const status = await context.engine.readStatus({
    target,
    ...(token === undefined ? {} : { token }),
    ...(flags.tlsCa === undefined ? {} : { tls: { ca: readTextFile(flags.tlsCa, '--tls-ca') } }),
  })
  const screen = openScreen(context.output, flags.json === true)
  screen.record({ ...status })
  screen.line(showStatus(status))
  return EXIT.fine
}

/** A node's status as a page for people. */
export function showStatus(status: NodeStatus): string {
  const facts: [string, string][] = [
    ['role', status.role],
    ['database', status.database],
    ['position', showMaybe(status.position)],
    ['digest', status.digest ?? '-'],
    ['history', status.cluster || '-'],
    ['node', status.node],
    ['formats', status.formats.join(', ') || '-'],
    ['sqlite', status.sqlite],
    ['wal', showBytes(status.walBytes)],
  ]
  if (status.role === 'leader') facts.push(['log', showBytes(status.logBytes)])
  if (status.leader !== undefined) {
    const { url, connected, tip } = status.leader
    facts.push(['leader', `${url}, ${connected ? 'connected' : 'not connected'}, at ${showMaybe(tip)}`])
  }
  for (const work of status.work ?? []) facts.push([work.format, showWork(work)])
  if (status.lag !== undefined) facts.push(['lag', showLag(status.lag)])
  const lines = facts.map(([name, value]) => `${name.padEnd(10)}${value}`)
  if (status.followers !== undefined) lines.push('', ...showFollowers(status.followers))
  return lines.join('\n')
}

/** What was done for a format since the node was opened. */
function showWork({ entries, bytes, barriers, asRows = 0, suspended }: FormatWork): string {
  const parts = [`${entries === 1 ? '1 entry' : `${showCount(entries)} entries`}, ${showBytes(bytes)}`]
  if (asRows > 0) parts.push(`${showCount(asRows)} of them as rows`)
  if (barriers > 0) parts.push(`${showCount(barriers)} could not be made`)
  const work = `${parts.join(', ')} since it was opened`
  return suspended === undefined ? work : `${work}; ${suspended}`
}

function showFollowers(followers: readonly FollowerStatus[]): string[] {
  if (followers.length === 0) return ['no followers']
  const rows = followers.map((follower) => [
    follower.name || short(follower.node),
    follower.peer,
    follower.format,
    follower.state,
    showMaybe(follower.received),
    showMaybe(follower.durable),
    showMaybe(follower.applied),
    showLag(follower.lag),
  ])
  return showTable([['follower', 'peer', 'format', 'state', 'received', 'durable', 'applied', 'lag'], ...rows])
}

/** Columns as wide as their widest cell, two spaces apart. */
export function showTable(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

function showLag(lag: { readonly commits: number; readonly seconds: number }): string {
  return lag.commits === 0 ? 'caught up' : `${showMany(lag.commits, 'commit')}, ${showSeconds(lag.seconds)}`
}

function showMaybe(position: Position | undefined): string {
  return position === undefined ? '-' : showPosition(position)
}
