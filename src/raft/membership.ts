import { assert } from '../assert.ts'
import type { ConfChange, ConfChangeError } from './confchange.ts'
import { changed, encodeConfChange, isJoint, leaveJointChange, members } from './confchange.ts'
import type { ConfState, Index, RaftId, Term } from './entry.ts'
import { none } from './entry.ts'
import { becomeFollower } from './election.ts'
import { committedIndex } from './quorum.ts'
import { advanceCommit, appendOwn } from './replication.ts'
import { confirmReads } from './read-index.ts'
import type { Core, LeaderState } from './state.ts'
import { adoptConf, newProgress, trackMembers } from './state.ts'
import { abortTransfer, sendTimeoutNow } from './transfer.ts'

/*
 * Changes of members (thesis 4): an entry proposes, applying it adopts. One at a time: a change is
 * pending until the leader has applied it, and a new leader starts as if one were pending, so that
 * nobody changes members before an entry of its own term is committed (the 2015 flaw).
 */

export type ProposeError = 'not-leader' | 'transferring' | 'uncommitted-full'

export type ProposeResult =
  | { readonly term: Term; readonly index: Index; readonly error?: never }
  | { readonly error: ProposeError }

export type ConfChangeProposeResult =
  | { readonly term: Term; readonly index: Index; readonly error?: never }
  | { readonly error: ProposeError | 'pending-conf-change' | ConfChangeError }

/** Leader only: appends; never forwards, since the proposer evaluated against this term. */
export function propose(core: Core, data: Uint8Array): ProposeResult {
  const leader = core.leader
  if (leader === null || !core.isVoter) return { error: 'not-leader' }
  if (leader.transferee !== none) return { error: 'transferring' }
  if (!reserve(core, leader, data.length)) return { error: 'uncommitted-full' }
  return { term: core.term, index: appendOwn(core, 'normal', data) }
}

export function proposeConfChange(core: Core, change: ConfChange): ConfChangeProposeResult {
  const leader = core.leader
  if (leader === null || !core.isVoter) return { error: 'not-leader' }
  if (leader.transferee !== none) return { error: 'transferring' }
  if (leader.pendingConfIndex > core.log.applied) return { error: 'pending-conf-change' }
  const { error } = changed(core.conf, change)
  if (error !== undefined) return { error }
  const data = encodeConfChange(change)
  if (!reserve(core, leader, data.length)) return { error: 'uncommitted-full' }
  if (core.mutant === 'K13') countBeforeAdopted(core, leader, change)
  return { term: core.term, index: appendConfChange(core, leader, data) }
}

/** The first proposal always passes, or one larger than the cap could never be made. */
function reserve(core: Core, leader: LeaderState, bytes: number): boolean {
  const sum = leader.uncommittedBytes + bytes
  if (leader.uncommittedBytes > 0 && bytes > 0 && sum > core.config.maxUncommittedBytes)
    return false
  leader.uncommittedBytes = sum
  return true
}

function appendConfChange(core: Core, leader: LeaderState, data: Uint8Array): Index {
  leader.pendingConfIndex = appendOwn(core, 'conf-change', data)
  return leader.pendingConfIndex
}

/** The entry was applied: its members count from here on. A step that no longer fits changes nothing. */
export function applyConfChange(core: Core, change: ConfChange): ConfState {
  // The members of a snapshot that was taken are newer than any entry handed out before it.
  if (core.log.unstable.snapshot !== null) return core.conf
  const result = changed(core.conf, change)
  if (result.error !== undefined) return core.conf
  const before = core.conf
  adoptConf(core, result.conf)
  if (core.leader !== null) afterAdoption(core, core.leader, before)
  return core.conf
}

function afterAdoption(core: Core, leader: LeaderState, before: ConfState): void {
  const removed = core.mutant === 'K22' ? leader.peers : []
  trackMembers(core, leader, Math.max(core.log.lastIndex, 1))
  for (const peer of removed) if (leader.find(peer.id) === null) leader.peers.push(peer)
  const known = members(before)
  for (const peer of leader.peers) {
    // A newcomer gets one check of the quorum to be heard from.
    if (!known.includes(peer.id)) peer.recentActive = true
  }
  if (!core.isVoter && core.config.stepDownOnRemoval) {
    leader.isLeaving = true
    core.electionElapsed = 0
  }
  if (leader.transferee !== none && !core.conf.voters.includes(leader.transferee)) {
    abortTransfer(core, leader)
  }
  // A smaller quorum may have been reached already; a newcomer is to be probed.
  advanceCommit(core, leader)
  confirmReads(core, leader)
  core.sendDue = true
  leaveIfDue(core, leader)
}

/**
 * A removed leader takes no more proposals, and goes when a quorum of those who stay hold all that
 * it holds and know that its removal is committed. Earlier would be too early: whoever does not know
 * still asks the old members for votes, and those may have entries that it lacks. Leadership passes
 * on without an election timeout; if that quorum does not come in one, the leader goes anyway.
 */
export function leaveIfDue(core: Core, leader: LeaderState): void {
  const { log, conf } = core
  if (!leader.isLeaving || log.committed < log.lastIndex) return
  if (committedIndex(conf.voters, conf.outgoing, leader.knownCommits) < log.committed) return
  const heir = leader.peers.find((peer) => !peer.isLearner && peer.match === log.lastIndex)
  assert(heir !== undefined, 'RAFT-17', { committed: log.committed })
  sendTimeoutNow(core, heir.id)
  becomeFollower(core, core.term, none)
}

/** Leader: a joint phase that ends by itself is ended as soon as it has been applied, by whoever leads then. */
export function leaveJointIfDue(core: Core): void {
  const leader = core.leader
  if (leader === null || !core.conf.autoLeave || !isJoint(core.conf)) return
  if (core.log.applied < leader.pendingConfIndex || leader.transferee !== none) return
  const data = encodeConfChange(leaveJointChange)
  leader.uncommittedBytes += data.length
  appendConfChange(core, leader, data)
}

function countBeforeAdopted(core: Core, leader: LeaderState, change: ConfChange): void {
  for (const { kind, id } of change.steps) {
    if (kind === 'add-voter' && isNew(leader, id)) {
      leader.peers.push(newProgress(core, id, core.log.lastIndex))
    }
  }
}

function isNew(leader: LeaderState, id: RaftId): boolean {
  return leader.find(id) === null
}
