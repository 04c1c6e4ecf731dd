import { sometimes } from '../assert.ts'
import type { RaftId } from './entry.ts'
import { none } from './entry.ts'
import type { Message } from './message.ts'
import { draft } from './outbox.ts'
import type { Progress } from './progress.ts'
import { committedIndex, everyIndex } from './quorum.ts'
import { sendHeartbeats } from './replication.ts'
import type { Core, LeaderState, ReadRequest } from './state.ts'

/*
 * Linearizable reads without writing (thesis 6.4). The leader notes its commit index, asks a quorum
 * whether it still leads, and answers. Reads that come in one ready share one round of heartbeats.
 * A round has a number that is never used again; a member confirms the highest it has seen, and
 * what a quorum has confirmed releases every round up to there. A read that is asked again gets a
 * new round, so that an old confirmation cannot serve it (etcd #20418).
 */

/** Reads waiting at a leader, in requests. Full: 'reads-full' to the caller, silence to a follower. */
export const maxPendingReads = 65_536

/** Rounds under way. Full: further reads wait for the next; they lose nothing but time. */
export const maxReadRounds = 64

export type ReadIndexResult =
  { readonly term: number; readonly error?: never } | { readonly error: 'no-leader' | 'reads-full' }

/** Asked for here, by the host. */
export function askRead(core: Core, context: number): ReadIndexResult {
  if (core.leader !== null) {
    if (!queueRead(core, core.leader, { from: core.id, context })) return { error: 'reads-full' }
    return { term: core.term }
  }
  if (core.lead === none) return { error: 'no-leader' }
  const m = draft(core, 'read-index', core.lead)
  m.term = 0
  m.context = context
  core.messages.push(m)
  return { term: core.term }
}

/** Leader: asked for by a follower. */
export function onReadIndex(core: Core, leader: LeaderState, m: Message): void {
  queueRead(core, leader, { from: m.from, context: m.context })
}

/** Follower: the leader has confirmed a read. */
export function onReadIndexResponse(core: Core, m: Message): void {
  core.reads.push({ index: m.index, context: m.context })
}

function queueRead(core: Core, leader: LeaderState, request: ReadRequest): boolean {
  if (leader.pendingReadCount >= maxPendingReads) {
    sometimes(true, 'raft: a read was refused because too many wait')
    return false
  }
  leader.pendingReadCount++
  leader.waitingReads.push(request)
  core.sendDue = true
  return true
}

/** Leader: starts a round for what has come since the last one. */
export function startReadRound(core: Core, leader: LeaderState): void {
  if (leader.waitingReads.length === 0) return
  // Before the first commit of its term a leader does not know which entries are committed.
  const knowsCommit = core.log.committed >= leader.termStart
  sometimes(!knowsCommit, 'raft: a read waits for the first commit of the term')
  if (!knowsCommit || leader.readRounds.length >= maxReadRounds) return
  const round = ++core.readRound
  leader.readRounds.push({ round, index: core.log.committed, requests: leader.waitingReads })
  leader.waitingReads = []
  if (leader.own !== null) leader.own.readAcked = round
  sendHeartbeats(core, leader)
  confirmReads(core, leader)
}

/** Leader: `peer` followed it when the heartbeat of round `round` came. */
export function onReadConfirmed(
  core: Core,
  leader: LeaderState,
  peer: Progress,
  round: number,
): void {
  const confirmed = core.mutant === 'K11' ? core.readRound : round
  if (confirmed <= peer.readAcked || confirmed > core.readRound) return
  peer.readAcked = confirmed
  confirmReads(core, leader)
}

/** Leader: answers the reads of every round that a quorum has confirmed. */
export function confirmReads(core: Core, leader: LeaderState): void {
  if (leader.readRounds.length === 0) return
  const { voters, outgoing } = core.conf
  const quorum = committedIndex(voters, outgoing, leader.readAcks)
  const upTo = core.mutant === 'K10' ? everyIndex : quorum
  let done = 0
  for (const { round, index, requests } of leader.readRounds) {
    if (round > upTo) break
    for (const { from, context } of requests) answer(core, from, context, index)
    leader.pendingReadCount -= requests.length
    done++
  }
  if (done > 0) leader.readRounds.splice(0, done)
  if (leader.waitingReads.length > 0) core.sendDue = true
}

function answer(core: Core, from: RaftId, context: number, index: number): void {
  if (from === core.id) {
    core.reads.push({ index, context })
    return
  }
  const m = draft(core, 'read-index-response', from)
  m.index = index
  m.context = context
  core.messages.push(m)
}
