import type { Stage } from '../stage/stage.ts'

export interface Proof {
  readonly position: number
  readonly digest: string
  readonly rows: number
  readonly compared: readonly Compared[]
}

interface Compared {
  readonly what: string
  readonly mine: string
  readonly theirs: string
  readonly isEqual: boolean
}

const SHOWN_DIGITS = 32

/** Compares leader and copies in every way that we know: by their own word, and by reading all of each by SQL. Nobody may write meanwhile. */
export async function prove(stage: Stage): Promise<Proof> {
  const followers = stage.followers.filter(({ kind }) => kind.promise !== 'nothing')
  await stage.settle()
  await stage.refresh()
  const { position, digest } = stage.state.leader
  const dumps = new Map(await stage.eachLeader(async ({ id, child }) => [id, await child.call('dump', undefined)] as const))
  const ours = dumps.get(stage.leader.id)!
  const compared: Compared[] = []
  const add = (what: string, mine: string, theirs: string): void => {
    compared.push({ what, mine, theirs, isEqual: mine === theirs })
  }
  for (const { id, kind, child } of followers) {
    const status = await child.call('status', undefined)
    const leader = stage.leaderCalled(kind.leader)
    const written = dumps.get(kind.leader) ?? ours
    add(`${id}: commit reached`, String(leader.position), String(status?.position?.sequence))
    if (kind.promise === 'bytes') add(`${id}: digest of all pages`, digest, status?.digest ?? '')
    const copied = await child.call('dump', undefined)
    add(`${id}: rows`, String(written.rows), String(copied.rows))
    add(`${id}: SHA-256 of schema and rows`, written.sha256.slice(0, SHOWN_DIGITS), copied.sha256.slice(0, SHOWN_DIGITS))
    add(`${id}: integrity_check`, 'ok', await child.call('integrity', undefined))
    const verified = await child.call('verify', undefined)
    add(`${id}: stemma verify`, 'same', verified.equal ? 'same' : verified.what)
  }
  return { position, digest, rows: ours.rows, compared }
}
