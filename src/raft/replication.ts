import { assert, sometimes } from '../assert.ts'
import type { Entry, EntryKind, Index } from './entry.ts'
import { payloadBytes } from './log.ts'
import type { Message } from './message.ts'
import { indexIgnoringMembership } from './mutant-quorum.ts'
import { acknowledge, draft, refuseAppend } from './outbox.ts'
import type { Progress } from './progress.ts'
import { committedIndex } from './quorum.ts'
import { sendSnapshot } from './snapshot.ts'
import type { Core, LeaderState } from './state.ts'
import { Compacted, Unavailable } from './storage-view.ts'

const noEntries: readonly Entry[] = []

/** Appends to the leader's own log. Sent at the next ready, with whatever else has come by then. */
export function appendOwn(core: Core, kind: EntryKind, data: Uint8Array): Index {
  const index = core.log.lastIndex + 1
  core.log.append({ term: core.term, index, kind, data })
  core.sendDue = true
  return index
}

/** Leader: sends each member what it may have now. */
export function sendAppends(core: Core, leader: LeaderState): void {
  for (const peer of leader.peers) {
    if (peer.id !== core.id) sendAppendsTo(core, peer)
  }
}

function sendAppendsTo(core: Core, peer: Progress): void {
  const { log } = core
  try {
    while (peer.next <= log.lastIndex && !peer.isPaused) {
      const entries = log.slice(peer.next, log.lastIndex + 1, core.config.maxSizePerMsg)
      sendAppend(core, peer, entries)
    }
    if (owesEmptyAppend(core, peer)) sendAppend(core, peer, noEntries)
  } catch (error) {
    if (error instanceof Compacted) sendSnapshot(core, peer)
    else if (error instanceof Unavailable) core.awaitsRead = true
    else throw error
  }
}

/** The follower is asked where it stands, or told a commit index over entries that it has been sent. */
function owesEmptyAppend(core: Core, peer: Progress): boolean {
  if (peer.state === 'snapshot' || peer.probeSent) return false
  if (peer.nudge) return true
  return peer.sentCommit < core.log.committed && peer.sentCommit < peer.next - 1
}

function sendAppend(core: Core, peer: Progress, entries: readonly Entry[]): void {
  const { log } = core
  const m = draft(core, 'append', peer.id)
  m.index = peer.next - 1
  m.logTerm = log.term(m.index)
  m.commit = log.committed
  m.entries = entries
  core.messages.push(m)
  peer.sent(entries.length, payloadBytes(entries), log.committed)
}

/** Leader: the commit index is cut to what the follower is known to hold; the rest is not verified. */
export function sendHeartbeats(core: Core, leader: LeaderState): void {
  const round = leader.readRounds.length > 0 ? core.readRound : 0
  for (const peer of leader.peers) {
    if (peer.id === core.id) continue
    const m = draft(core, 'heartbeat', peer.id)
    m.commit = Math.min(peer.match, core.log.committed)
    m.context = round
    core.messages.push(m)
  }
}

/** Leader: a member answered an append. True: the commit index moved. */
export function onAppendResponse(core: Core, leader: LeaderState, m: Message): boolean {
  const peer = leader.find(m.from)
  if (peer === null) return false
  peer.recentActive = true
  core.sendDue = true
  if (m.reject) {
    onRefusal(core, peer, m)
    return false
  }
  assert(m.index <= core.log.lastIndex, 'RAFT-12', { from: m.from, index: m.index })
  if (m.commit > peer.knownCommit) peer.knownCommit = m.commit
  const isNew = peer.acknowledge(m.index)
  if (!isNew && !(peer.state === 'probe' && peer.match === m.index)) return false
  onProgress(core, peer, m.index)
  return advanceCommit(core, leader)
}

function onProgress(core: Core, peer: Progress, index: Index): void {
  switch (peer.state) {
    case 'probe':
      peer.becomeReplicate()
      return
    case 'snapshot':
      // It may have caught up by other means than the snapshot that is under way.
      if (peer.match + 1 >= core.log.firstIndex) peer.becomeReplicate()
      // It has the snapshot, but the log was cut further meanwhile: the next one.
      else if (peer.match >= peer.pendingSnapshot) peer.becomeProbe()
      return
    case 'replicate':
      peer.inflights.freeTo(index)
      return
  }
}

function onRefusal(core: Core, peer: Progress, m: Message): void {
  // The follower says the term at its hint: skip everything of ours that is of a later term.
  const hint = m.logTerm > 0 ? core.log.findConflict(m.rejectHint, m.logTerm).index : m.rejectHint
  if (!peer.refuse(m.index, hint)) {
    sometimes(true, 'raft: a stale refusal was dropped')
    return
  }
  if (peer.state === 'replicate') peer.becomeProbe()
  peer.nudge = true
}

/** Leader: a member answered a heartbeat. Whatever was lost on the way to it is now sent again. */
export function onHeartbeatResponse(core: Core, leader: LeaderState, peer: Progress): void {
  peer.recentActive = true
  peer.probeSent = false
  if (peer.state === 'replicate' && peer.inflights.isFull) {
    sometimes(true, 'raft: a heartbeat response opened a full window')
    if (core.mutant !== 'K24') peer.inflights.freeFirst()
  }
  if (peer.match < core.log.lastIndex || peer.state === 'probe') peer.nudge = true
  core.sendDue = true
}

/** Leader: its own disk holds everything up to here. True: the commit index moved. */
export function onOwnStored(core: Core, leader: LeaderState, upTo: Index): boolean {
  const { own } = leader
  if (own === null || !own.acknowledge(upTo)) return false
  return advanceCommit(core, leader)
}

/** Leader: commits what a quorum holds. True: the commit index moved. */
export function advanceCommit(core: Core, leader: LeaderState): boolean {
  const index = quorumIndex(core, leader)
  if (index <= core.log.committed) return false
  // Paper 5.4.2: older terms are committed only by an entry of this one (figure 8).
  if (index < leader.termStart && core.mutant !== 'K4') return false
  core.log.commitTo(index)
  core.sendDue = true
  return true
}

function quorumIndex(core: Core, leader: LeaderState): Index {
  const { mutant, conf } = core
  if (mutant === 'K13' || mutant === 'K22') return indexIgnoringMembership(core, leader)
  const outgoing = mutant === 'K12' ? null : conf.outgoing
  return committedIndex(conf.voters, outgoing, leader.matches)
}

/** Follower: takes the entries if they follow what it holds, and answers. */
export function onAppend(core: Core, m: Message): void {
  const { log } = core
  if (m.index < log.committed) {
    acknowledge(core, m.from, log.committed)
    return
  }
  try {
    if (log.matches(m.index, m.logTerm)) accept(core, m)
    else refuse(core, m)
  } catch (error) {
    // The disk must be read to compare: as if the message were lost, it comes again.
    if (!(error instanceof Unavailable)) throw error
    sometimes(true, 'raft: an append waits for the disk to be read')
  }
}

function accept(core: Core, m: Message): void {
  const { log } = core
  const { entries } = m
  const first = core.mutant === 'K6' ? 0 : log.firstNew(entries)
  if (core.mutant === 'K6' && m.index < log.lastIndex) log.truncate(m.index + 1)
  if (first < entries.length) {
    const from = (entries[first] as Entry).index
    if (from <= log.lastIndex) log.truncate(from)
    for (let i = first; i < entries.length; i++) log.append(entries[i] as Entry)
  }
  const verified = m.index + entries.length
  log.commitTo(Math.min(m.commit, core.mutant === 'K5' ? log.lastIndex : verified))
  acknowledge(core, m.from, verified)
}

function refuse(core: Core, m: Message): void {
  const { log } = core
  const hint = log.findConflict(Math.min(m.index, log.lastIndex), m.logTerm)
  refuseAppend(core, m.from, m.index, hint)
}

/** Follower: a heartbeat. Free to be answered at once: it says who leads, nothing about the log. */
export function onHeartbeat(core: Core, m: Message): void {
  core.log.commitTo(m.commit)
  const answer = draft(core, 'heartbeat-response', m.from)
  answer.context = m.context
  if (core.mutant === 'K23') answer.term = 0
  core.messages.push(answer)
}

/** Leader: its own entries that are handed out as committed make room for proposals. */
export function releaseUncommitted(leader: LeaderState, committed: readonly Entry[]): void {
  for (const { index, data } of committed) {
    if (index >= leader.termStart) leader.uncommittedBytes -= data.length
  }
}
