import { assert } from '../assert.ts'
import { contradiction, isVoter } from './confchange.ts'
import { none } from './entry.ts'
import type { Progress } from './progress.ts'
import type { Core, LeaderState } from './state.ts'

/** Everything that holds of one core between two calls. Too slow for production, cheap enough for every step of a test. */
export function checkInvariants(core: Core): void {
  checkLog(core)
  checkRole(core)
  const wrong = contradiction(core.conf)
  assert(wrong === null, 'RAFT-10', { wrong })
  assert(core.isVoter === isVoter(core.conf, core.id), 'RAFT-10', { isVoter: core.isVoter })
  if (core.leader !== null) checkLeader(core, core.leader)
}

/** The pointers in one chain: applied ≤ applying ≤ committed ≤ last, applying ≤ stable < handed out ≤ last + 1. */
function checkLog({ log, term }: Core): void {
  const { applied, applying, committed, stable, lastIndex, lastTerm, firstIndex, unstable } = log
  const { handedOutTo } = unstable
  const seen = { applied, applying, committed, stable, handedOutTo, lastIndex, firstIndex }
  assert(applied <= applying, 'RAFT-16', seen)
  assert(applying <= committed, 'RAFT-16', seen)
  assert(committed <= lastIndex, 'RAFT-16', seen)
  assert(applying <= stable, 'RAFT-16', seen)
  assert(stable < handedOutTo, 'RAFT-16', seen)
  assert(handedOutTo <= lastIndex + 1, 'RAFT-16', seen)
  assert(firstIndex <= committed + 1, 'RAFT-16', seen)
  assert(lastTerm <= term, 'RAFT-9', { lastTerm, term })
  assert(log.applyingBytes >= 0, 'RAFT-16', { applyingBytes: log.applyingBytes })
  assert(applied < applying || log.applyingBytes === 0, 'RAFT-16', {
    ...seen,
    bytes: log.applyingBytes,
  })
  let before = 0
  for (let index = unstable.offset; index < unstable.end; index++) {
    const entry = unstable.entry(index)
    assert(entry.index === index, 'RAFT-3', { index, found: entry.index })
    assert(entry.term >= before, 'RAFT-3', { index, term: entry.term, before })
    before = entry.term
  }
}

function checkRole(core: Core): void {
  const { role, lead, id, vote, term } = core
  assert((role === 'leader') === (core.leader !== null), 'RAFT-13', { role })
  assert((role === 'leader') === (lead === id), 'RAFT-13', { role, lead })
  const isCandidate = role === 'candidate' || role === 'pre-candidate'
  assert(!isCandidate || lead === none, 'RAFT-13', { role, lead })
  assert(role !== 'candidate' || vote === id, 'RAFT-13', { role, vote })
  assert(term > 0 || vote === none, 'RAFT-13', { term, vote })
  assert(core.suspectTicks === 0 || core.leaderSuspect, 'RAFT-13', { ticks: core.suspectTicks })
}

function checkLeader(core: Core, leader: LeaderState): void {
  const { log } = core
  let before = none
  for (const peer of leader.peers) {
    assert(peer.id > before, 'RAFT-17', { id: peer.id, before })
    before = peer.id
    assert(peer.isLearner === core.conf.learners.includes(peer.id), 'RAFT-17', { id: peer.id })
    if (peer.id === core.id) continue
    checkPeer(core, peer)
  }
  const own = leader.own?.match ?? 0
  assert(own <= log.stable, 'RAFT-18', { own, stable: log.stable })
  assert(leader.termStart <= log.lastIndex, 'RAFT-17', { termStart: leader.termStart })
  assert(leader.uncommittedBytes >= 0, 'RAFT-17', { bytes: leader.uncommittedBytes })
  const rounds = leader.readRounds.reduce((sum, round) => sum + round.requests.length, 0)
  const counted = rounds + leader.waitingReads.length
  assert(leader.pendingReadCount === counted, 'RAFT-17', { counted })
}

function checkPeer(core: Core, peer: Progress): void {
  const { id, match, next, state, inflights } = peer
  const seen = { id, match, next, state, last: core.log.lastIndex }
  assert(match < next, 'RAFT-12', seen)
  assert(match <= core.log.lastIndex, 'RAFT-12', seen)
  assert(next <= core.log.lastIndex + 1, 'RAFT-12', seen)
  assert(inflights.count <= inflights.maxMessages, 'RAFT-12', seen)
  const { allowed, maxMessages } = inflights
  assert(allowed >= 1 && allowed <= maxMessages, 'RAFT-12', { id, allowed, maxMessages })
  assert(inflights.count > 0 || inflights.bytes === 0, 'RAFT-12', { id, bytes: inflights.bytes })
  assert(state === 'replicate' || inflights.count === 0, 'RAFT-12', seen)
  assert((state === 'snapshot') === peer.pendingSnapshot > 0, 'RAFT-12', seen)
  assert(peer.readAcked <= core.readRound, 'RAFT-12', { id, readAcked: peer.readAcked })
}
