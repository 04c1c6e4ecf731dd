import type { ConfState, Index, RaftId, Term } from './entry.ts'
import type { Progress, ProgressState } from './progress.ts'
import type { Role } from './ready.ts'
import type { Core } from './state.ts'

export interface PeerStatus {
  readonly state: ProgressState
  readonly match: Index
  readonly next: Index
  readonly learner: boolean
  /** Heard from since the last check of the quorum. */
  readonly active: boolean
  /** Nothing is sent until something is heard. */
  readonly paused: boolean
  /** Appends under way. */
  readonly inflight: number
}

export interface RaftStatus {
  readonly id: RaftId
  readonly term: Term
  readonly vote: RaftId
  readonly commit: Index
  readonly applied: Index
  /** As far as this node knows; none: 0. */
  readonly lead: RaftId
  readonly role: Role
  readonly config: ConfState
  /** Leader only, by id; empty elsewhere. */
  readonly progress: Readonly<Record<RaftId, PeerStatus>>
  /** Whom leadership is being handed to; 0: nobody. */
  readonly transferee: RaftId
  /** Leader only: a change of members, or this leader's first entry, is not applied yet; another is refused. */
  readonly confPending: boolean
}

export function statusOf(core: Core): RaftStatus {
  const progress: Record<RaftId, PeerStatus> = {}
  for (const peer of core.leader?.peers ?? []) progress[peer.id] = peerStatus(peer)
  return {
    id: core.id,
    term: core.term,
    vote: core.vote,
    commit: core.log.committed,
    applied: core.log.applied,
    lead: core.lead,
    role: core.role,
    config: core.conf,
    progress,
    transferee: core.leader?.transferee ?? 0,
    confPending: core.leader !== null && core.leader.pendingConfIndex > core.log.applied,
  }
}

function peerStatus(peer: Progress): PeerStatus {
  return {
    state: peer.state,
    match: peer.match,
    next: peer.next,
    learner: peer.isLearner,
    active: peer.recentActive,
    paused: peer.isPaused,
    inflight: peer.inflights.count,
  }
}
