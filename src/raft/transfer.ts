import type { RaftId } from './entry.ts'
import { none } from './entry.ts'
import { draft } from './outbox.ts'
import type { Core, LeaderState } from './state.ts'
import { trace } from './state.ts'

/*
 * Leadership transfer (thesis 3.10): the leader takes no more proposals, brings the transferee up
 * to date and tells it to stand at once. If that has not worked after an election timeout, it is
 * called off and the leader goes on.
 */

/** Leader: hand leadership to `to`. A second request for the same node changes nothing. */
export function startTransfer(core: Core, leader: LeaderState, to: RaftId): void {
  const peer = leader.find(to)
  if (peer === null || !core.conf.voters.includes(to)) return
  if (to === leader.transferee) return
  abortTransfer(core, leader)
  if (to === core.id) return
  leader.transferee = to
  core.electionElapsed = 0
  core.sendDue = true
  trace(core, { kind: 'transfer', to, stage: 'started' })
  if (peer.match === core.log.lastIndex) sendTimeoutNow(core, to)
  else peer.nudge = true
}

/** Leader: the transferee has caught up. */
export function continueTransfer(core: Core, leader: LeaderState, from: RaftId): void {
  if (from !== leader.transferee) return
  if (leader.find(from)?.match === core.log.lastIndex) sendTimeoutNow(core, from)
}

export function abortTransfer(core: Core, leader: LeaderState): void {
  if (leader.transferee === none) return
  trace(core, { kind: 'transfer', to: leader.transferee, stage: 'aborted' })
  leader.transferee = none
}

/** Not the leader: pass the wish on to it. Lost like any message when there is none. */
export function forwardTransfer(core: Core, to: RaftId): void {
  if (core.lead === none) return
  const m = draft(core, 'transfer-leader', core.lead)
  m.term = 0
  m.context = to
  core.messages.push(m)
}

/** Leader: `to` may stand at once, and its voters need not wait for their leader to go stale. */
export function sendTimeoutNow(core: Core, to: RaftId): void {
  core.messages.push(draft(core, 'timeout-now', to))
  trace(core, { kind: 'transfer', to, stage: 'sent' })
}
