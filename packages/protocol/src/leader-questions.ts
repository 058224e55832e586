import type { Answer } from './leader-io.ts'
import { dismissOffender, type LeaderTurn, type Peer } from './leader-peer.ts'

/** Somebody asks what the host understands. One question at a time: the next when the last is answered. */
export function onAsk(turn: LeaderTurn, peer: Peer, body: Uint8Array): void {
  if (peer.wants !== 'ask') return dismissOffender(turn, peer, `ask though it came to ${peer.wants}`)
  if (peer.asking) return dismissOffender(turn, peer, 'a question before the last was answered')
  turn.put({ ...peer, asking: true })
  turn.do({ kind: 'answer-question', link: peer.link, body })
}

/** The host's answer goes out as it is. */
export function onAnswered(turn: LeaderTurn, peer: Peer, answer: Answer): void {
  if (!peer.asking) return
  turn.put({ ...peer, asking: false })
  if (answer.kind === 'body') turn.send(peer, { kind: 'answer', code: undefined, message: '', body: answer.body })
  else turn.send(peer, { kind: 'answer', code: answer.code, message: answer.message, body: new Uint8Array(0) })
}
