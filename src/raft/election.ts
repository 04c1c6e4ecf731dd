import { assert, sometimes } from '../assert.ts'
import type { CampaignCause } from './config.ts'
import type { Index, RaftId, Term } from './entry.ts'
import { none } from './entry.ts'
import type { Message } from './message.ts'
import type { Draft } from './outbox.ts'
import { draft } from './outbox.ts'
import { majority, voteResult } from './quorum.ts'
import { appendOwn } from './replication.ts'
import type { Core } from './state.ts'
import { LeaderState, drawElectionTimeout, trace, trackMembers } from './state.ts'
import { Unavailable } from './storage-view.ts'

/**
 * - `pre`: asks whether it could win, changes nothing anywhere (thesis 9.6);
 * - `real`: raises the term and asks for votes (paper 5.2);
 * - `transfer`: real, and voters grant it although their leader is fresh (thesis 3.10).
 */
export type Campaign = 'pre' | 'real' | 'transfer'

const noData = new Uint8Array(0)

/** A vote request with this context follows a transfer. */
const afterTransfer = 1

/** Stands for election if this member may. */
export function campaign(core: Core, kind: Campaign, cause: CampaignCause): void {
  if (core.role === 'leader') return
  core.suspectTicks = 0
  // Held back, it tries again at the next tick, and does not take its silent leader for a fresh one.
  if (!mayCampaign(core)) return
  core.electionElapsed = 0
  core.cause = cause
  if (core.hasteLeft > 0) core.hasteLeft--
  drawElectionTimeout(core)
  if (kind === 'pre') standPre(core)
  else standReal(core, kind)
}

/** The leader has handed over: stands at once, or as soon as the members it knows are those of today. */
export function takeOver(core: Core): void {
  core.takesOver = hasUnappliedConfChange(core)
  if (!core.takesOver) campaign(core, 'transfer', 'transfer')
}

function mayCampaign(core: Core): boolean {
  if (!core.isVoter) {
    trace(core, { kind: 'campaign-held', reason: 'not-a-voter' })
    return false
  }
  if (hasUnappliedConfChange(core)) {
    sometimes(true, 'raft: a campaign waits for a conf change to be applied')
    trace(core, { kind: 'campaign-held', reason: 'unapplied-conf-change' })
    return false
  }
  return true
}

/** A quorum of members that are about to change, by an entry or by a snapshot, would prove nothing. */
function hasUnappliedConfChange(core: Core): boolean {
  const { log } = core
  if (log.unstable.snapshot !== null) return true
  let next: Index = log.applied + 1
  try {
    while (next <= log.committed) {
      const page = log.slice(next, log.committed + 1, core.config.maxCommittedSizePerReady)
      if (page.some((entry) => entry.kind === 'conf-change')) return true
      next += page.length
    }
  } catch (error) {
    if (error instanceof Unavailable) return true
    throw error
  }
  return false
}

function standPre(core: Core): void {
  core.role = 'pre-candidate'
  core.lead = none
  core.votes = new Map()
  core.grantMessages = 0
  traceRole(core)
  requestVotes(core, 'pre-vote', core.term + 1, 0)
  // It promises nothing, so its own answer need not wait for the disk.
  if (countVote(core, core.id, true) === 'won') standReal(core, 'real')
}

function standReal(core: Core, kind: Campaign): void {
  reset(core, core.term + 1)
  core.role = 'candidate'
  core.vote = core.id
  core.votes = new Map()
  core.grantMessages = 0
  traceRole(core)
  requestVotes(core, 'vote', core.term, kind === 'transfer' ? afterTransfer : 0)
  // Its own vote counts when it is durable, like any other.
  core.afterStore.push(draft(core, 'vote-response', core.id))
}

function requestVotes(core: Core, kind: 'pre-vote' | 'vote', term: Term, context: number): void {
  const { voters, outgoing } = core.conf
  for (const to of new Set([...voters, ...outgoing])) {
    if (to === core.id) continue
    const m = draft(core, kind, to)
    m.term = term
    m.index = core.log.lastIndex
    m.logTerm = core.log.lastTerm
    m.context = context
    // A vote request names the candidate's log and uses up its vote: after a crash neither may
    // shrink, or an old grant would elect a log that the voter never saw.
    if (kind === 'vote') core.afterStore.push(m)
    else core.messages.push(m)
  }
}

/** Answers a request. Reads everything, changes only what a granted real vote must. */
export function onVoteRequest(core: Core, m: Message): void {
  const isPre = m.kind === 'pre-vote'
  const isFree = core.vote === none && core.lead === none
  const mayVote = core.vote === m.from || isFree || (isPre && m.term > core.term)
  const granted = mayVote && isUpToDate(core, m)
  const answer = draft(core, isPre ? 'pre-vote-response' : 'vote-response', m.from)
  if (!granted) refuse(core, answer)
  // A granted pre-vote carries the term that was asked about; a refusal the one that stands in its way.
  if (granted) answer.term = m.term
  if (isPre) {
    core.messages.push(answer)
    return
  }
  trace(core, { kind: 'vote', term: m.term, to: m.from, granted })
  if (granted) {
    // Only a granted vote quietens this node: a candidate that cannot win must not keep others from trying.
    core.electionElapsed = 0
    core.vote = m.from
  }
  if (core.mutant === 'K1') core.messages.push(answer)
  else core.afterStore.push(answer)
}

function isUpToDate(core: Core, m: Message): boolean {
  if (core.mutant === 'K8') return m.index >= core.log.lastIndex
  return core.log.isUpToDate(m.index, m.logTerm)
}

/** Refuses a request of an older term, so that the candidate learns of the newer one. */
export function refuseVote(core: Core, m: Message): void {
  const answer = draft(core, m.kind === 'pre-vote' ? 'pre-vote-response' : 'vote-response', m.from)
  refuse(core, answer)
  core.messages.push(answer)
}

/**
 * A refusal says what is committed. The candidate may be short of nothing but that: it asks members
 * who have applied their own removal, have entries that it lacks, and would refuse it for ever.
 */
function refuse(core: Core, answer: Draft): void {
  answer.reject = true
  answer.commit = core.log.committed
  answer.logTerm = core.log.termOrNone(core.log.committed)
}

/** Candidates: takes over what a refusal says. False: the members may have changed, so the votes count no more. */
function learnCommit(core: Core, m: Message): boolean {
  const { log } = core
  if (m.commit <= log.committed || log.termOrNone(m.commit) !== m.logTerm || m.logTerm === 0) {
    return true
  }
  sometimes(true, 'raft: a candidate learned from a refusal what is committed')
  log.commitTo(m.commit)
  return !hasUnappliedConfChange(core)
}

/** A follower of a leader that it has heard from lately does not help to depose it (paper 6). */
export function sticksToLeader(core: Core, m: Message): boolean {
  if (!core.config.checkQuorum || m.context === afterTransfer) return false
  if (core.lead === none || core.leaderSuspect) return false
  return core.electionElapsed < core.config.electionTick
}

/** Candidates: an answer came. Only those to the campaign that is on are counted. */
export function onVoteResponse(core: Core, m: Message): void {
  if (core.role === 'pre-candidate') {
    if (m.kind !== 'pre-vote-response') return
    if (!m.reject && m.term !== core.term + 1) return
  } else if (core.role !== 'candidate' || m.kind !== 'vote-response') return
  const result = countVote(core, m.from, !m.reject)
  const isStale = m.reject && !learnCommit(core, m)
  if (result === 'pending' && !isStale) return
  if (result === 'lost' || isStale) becomeFollower(core, core.term, none)
  else if (core.role === 'pre-candidate') standReal(core, 'real')
  else becomeLeader(core)
}

function countVote(core: Core, from: RaftId, granted: boolean): 'won' | 'lost' | 'pending' {
  if (!core.votes.has(from)) core.votes.set(from, granted)
  if (granted) core.grantMessages++
  if (core.mutant === 'K9') {
    return core.grantMessages >= majority(core.conf.voters.length) ? 'won' : 'pending'
  }
  const { voters, outgoing } = core.conf
  return voteResult(voters, core.mutant === 'K12' ? null : outgoing, core.votes)
}

export function becomeFollower(core: Core, term: Term, lead: RaftId): void {
  const { leader } = core
  sometimes(
    leader !== null && core.log.lastIndex > core.log.committed,
    'raft: a leader stepped down with entries not committed',
  )
  sometimes(
    leader !== null && leader.pendingReadCount > 0,
    'raft: a leader stepped down with reads pending',
  )
  reset(core, term)
  if (core.mutant === 'K7') core.vote = none
  core.role = 'follower'
  core.lead = lead
  traceRole(core)
}

function becomeLeader(core: Core): void {
  assert(core.role === 'candidate', 'RAFT-13', { role: core.role })
  core.hasteLeft = 0
  reset(core, core.term)
  core.role = 'leader'
  core.lead = core.id
  const start = core.log.lastIndex + 1
  const leader = new LeaderState(start)
  core.leader = leader
  trackMembers(core, leader, start)
  const { own } = leader
  assert(own !== null, 'RAFT-17', { id: core.id })
  own.becomeReplicate()
  own.recentActive = true
  own.acknowledge(core.log.stable)
  // Nothing of older terms commits by itself; this entry commits them with it (paper 5.4.2, 8).
  appendOwn(core, 'normal', noData)
  traceRole(core)
}

/** What every change of role or term leaves behind. The vote stays as long as the term does. */
function reset(core: Core, term: Term): void {
  assert(term >= core.term, 'RAFT-14', { term, own: core.term })
  if (term !== core.term) core.vote = none
  core.term = term
  core.lead = none
  core.leader = null
  core.votes = new Map()
  core.electionElapsed = 0
  core.leaderSuspect = false
  core.suspectTicks = 0
  core.takesOver = false
  core.sendDue = false
  drawElectionTimeout(core)
}

/** Leader: steps down when it has not heard from a quorum since the last check (thesis 6.2). */
export function checkQuorum(core: Core, leader: LeaderState): void {
  const { voters, outgoing } = core.conf
  const result = voteResult(voters, outgoing, leader.actives)
  for (const peer of leader.peers) peer.recentActive = peer.id === core.id
  if (result === 'won') return
  trace(core, { kind: 'quorum-lost', term: core.term })
  becomeFollower(core, core.term, none)
}

function traceRole(core: Core): void {
  const { role, term, lead, cause } = core
  trace(core, { kind: 'role', role, term, lead, cause })
}
