import { expect, test } from 'vitest'
import type { InvariantId } from '../../src/assert.ts'
import { BrokenInvariant } from '../../src/assert.ts'
import { becomeFollower, campaign, onVoteResponse } from '../../src/raft/election.ts'
import type { Entry } from '../../src/raft/entry.ts'
import { checkInvariants } from '../../src/raft/invariants.ts'
import { message } from '../../src/raft/message.ts'
import { sendSnapshot } from '../../src/raft/snapshot.ts'
import type { LeaderState } from '../../src/raft/state.ts'
import { Core } from '../../src/raft/state.ts'
import { Raft } from '../../src/raft/raft.ts'
import { Compacted } from '../../src/raft/storage-view.ts'
import { confOf } from './world/group.ts'
import { MemoryDisk } from './world/memory-disk.ts'
import { usualConfig } from './world/member.ts'
import { always } from './world/random.ts'

const config = { ...usualConfig, id: 1, applied: 0, random: always(0) }

function entry(index: number, term: number): Entry {
  return { index, term, kind: 'normal', data: new Uint8Array(1) }
}

/** Three entries of term 1, stored; one of them committed, none applied. */
function stored(): { core: Core; disk: MemoryDisk } {
  const disk = new MemoryDisk(confOf([1, 2]))
  const hardState = { term: 1, vote: 0, commit: 1 }
  disk.write({ hardState, entries: [entry(1, 1), entry(2, 1), entry(3, 1)], snapshot: null })
  return { core: new Core(config, disk), disk }
}

function leading(): { core: Core; leader: LeaderState } {
  const { core } = stored()
  campaign(core, 'real', 'timeout')
  for (const from of [1, 2])
    onVoteResponse(core, message('vote-response', { from, to: 1, term: 2 }))
  if (core.leader === null) throw new Error('not elected')
  checkInvariants(core)
  return { core, leader: core.leader }
}

function broken(act: () => unknown): InvariantId | undefined {
  try {
    act()
  } catch (error) {
    if (error instanceof BrokenInvariant) return error.id
    throw error
  }
  return undefined
}

const inUse: [InvariantId, string, () => unknown][] = [
  ['RAFT-1', 'no id', () => new Raft({ ...config, id: 0 }, stored().disk)],
  ['RAFT-1', 'applied is no index', () => new Raft({ ...config, applied: -1 }, stored().disk)],
  ['RAFT-1', 'no heartbeats', () => new Raft({ ...config, heartbeatTick: 0 }, stored().disk)],
  ['RAFT-1', 'elections too soon', () => new Raft({ ...config, electionTick: 1 }, stored().disk)],
  ['RAFT-1', 'an empty window', () => new Raft({ ...config, maxInflightMsgs: 0 }, stored().disk)],
  [
    'RAFT-2',
    'applied what is not stored',
    () => new Core({ ...config, applied: 9 }, stored().disk),
  ],
  ['RAFT-2', 'state older than the log', () => new Core(config, compactedDisk())],
  ['RAFT-3', 'a hole', () => stored().core.log.append(entry(5, 1))],
  ['RAFT-3', 'a term that falls', () => stored().core.log.append(entry(4, 0))],
  ['RAFT-4', 'committed entries are cut', () => stored().core.log.truncate(1)],
  ['RAFT-4', 'an old snapshot', () => stored().core.log.restore(snapshotAt(1))],
  ['RAFT-5', 'storage gives nothing', () => sliceOf([])],
  ['RAFT-5', 'storage gives something else', () => sliceOf([entry(3, 1)])],
  ['RAFT-5', 'storage leaves one out', () => sliceOf([entry(1, 1), entry(3, 1)])],
  ['RAFT-6', 'commit beyond the log', () => stored().core.log.commitTo(4)],
  ['RAFT-7', 'applied what was not handed out', () => stored().core.log.appliedTo(1)],
  ['RAFT-8', 'stored what was not handed out', storedTooEarly],
  ['RAFT-9', 'a log of a later term', () => new Core(config, diskOfTerm(0, 1))],
  ['RAFT-10', 'members that contradict', () => new Core(config, new MemoryDisk(confOf([0])))],
  ['RAFT-11', 'a snapshot of nothing', sendEmptySnapshot],
  ['RAFT-14', 'a term that falls', () => becomeFollower(stored().core, 0, 0)],
]

test.for(inUse)('%s stops a node: %s', ([id, , act]) => {
  expect(broken(act)).toBe(id)
})

const seenFromOutside: [InvariantId, string, (core: Core, leader: LeaderState) => void][] = [
  ['RAFT-3', 'entries out of order', (core) => core.log.unstable.push(entry(9, 2))],
  ['RAFT-9', 'a log of a later term', (core) => (core.log.lastTerm = 9)],
  ['RAFT-10', 'contradictory members', (core) => (core.conf = confOf([1], { learners: [1] }))],
  ['RAFT-10', 'a voter that is none', (core) => (core.isVoter = false)],
  ['RAFT-12', 'match at next', (_core, { peers }) => (peers[1]!.match = peers[1]!.next)],
  ['RAFT-12', 'next beyond the log', (_core, { peers }) => (peers[1]!.next = 9)],
  ['RAFT-12', 'bytes without messages', (_core, { peers }) => (peers[1]!.inflights.bytes = 3)],
  ['RAFT-12', 'a window while probing', (_core, { peers }) => peers[1]!.inflights.add(3, 1)],
  ['RAFT-12', 'a window that is shut', (_core, { peers }) => (peers[1]!.inflights.allowed = 0)],
  ['RAFT-12', 'a window too wide', (_core, { peers }) => (peers[1]!.inflights.allowed = 999)],
  ['RAFT-12', 'a snapshot to nowhere', (_core, { peers }) => (peers[1]!.state = 'snapshot')],
  ['RAFT-12', 'an answer from the future', (_core, { peers }) => (peers[1]!.readAcked = 9)],
  ['RAFT-13', 'a leader without a term', (core) => (core.leader = null)],
  ['RAFT-13', 'a leader that follows', (core) => (core.lead = 2)],
  ['RAFT-16', 'applied before handed out', (core) => (core.log.applied = 2)],
  ['RAFT-16', 'handed out before committed', (core) => (core.log.applying = 2)],
  ['RAFT-16', 'committed beyond the log', (core) => (core.log.committed = 9)],
  ['RAFT-16', 'bytes of nothing', (core) => (core.log.applyingBytes = 5)],
  ['RAFT-17', 'members out of order', (_core, { peers }) => peers.reverse()],
  ['RAFT-17', 'a learner that votes', (_core, { peers }) => (peers[0]!.isLearner = true)],
  ['RAFT-17', 'reads that are not counted', (_core, leader) => (leader.pendingReadCount = 1)],
  ['RAFT-17', 'a negative debt', (_core, leader) => (leader.uncommittedBytes = -1)],
  ['RAFT-18', 'counted before stored', (_core, leader) => (leader.own!.match = 4)],
]

test.for(seenFromOutside)('%s is seen by the check: %s', ([id, , spoil]) => {
  const { core, leader } = leading()
  spoil(core, leader)
  expect(broken(() => checkInvariants(core))).toBe(id)
})

test.for([
  ['a candidate with a leader', (core: Core): unknown => (core.lead = 2)],
  ['a candidate that voted for another', (core: Core): unknown => (core.vote = 2)],
  [
    'a vote of no term',
    (core: Core): unknown => Object.assign(core, { term: 0, role: 'follower' }),
  ],
  ['a wait for nothing', (core: Core): unknown => (core.suspectTicks = 1)],
] as const)('RAFT-13 is seen by the check: %s', ([, spoil]) => {
  const core = new Core(config, new MemoryDisk(confOf([1, 2])))
  campaign(core, 'real', 'timeout')
  checkInvariants(core)
  spoil(core)
  expect(broken(() => checkInvariants(core))).toBe('RAFT-13')
})

test.for([
  ['RAFT-12', 'a member holds more than the leader', { kind: 'append-response', index: 9 }],
  ['RAFT-15', 'another leads in the same term', { kind: 'heartbeat' }],
] as const)('%s stops a leader: %s', ([id, , { kind, ...fields }]) => {
  const raft = new Raft(config, new MemoryDisk(confOf([1, 2])))
  raft.campaign()
  raft.step(message('pre-vote-response', { from: 2, to: 1, term: 1 }))
  raft.advance(raft.ready())
  raft.step(message('vote-response', { from: 2, to: 1, term: 1 }))
  expect(raft.status().role).toBe('leader')
  expect(broken(() => raft.step(message(kind, { from: 2, to: 1, term: 1, ...fields })))).toBe(id)
})

test('what storage throws otherwise is passed on', () => {
  const disk = diskOfTerm(1, 1)
  disk.term = () => {
    throw new Error('wires cut')
  }
  const { core } = stored()
  expect(() => new Core(config, disk)).toThrow('wires cut')
  Object.assign(core.storage, { term: () => disk.term(1) })
  expect(() => core.log.termOrNone(2)).toThrow('wires cut')
  expect(() => core.log.matches(2, 1)).toThrow('wires cut')
})

function snapshotAt(index: number) {
  return { meta: { index, term: 1, conf: confOf([1, 2]) }, data: new Uint8Array(0) }
}

function compactedDisk(): MemoryDisk {
  const { disk } = stored()
  disk.compact(snapshotAt(2))
  return disk
}

function diskOfTerm(term: number, entryTerm: number): MemoryDisk {
  const disk = new MemoryDisk(confOf([1, 2]))
  const hardState = { term, vote: 0, commit: 0 }
  disk.write({ hardState, entries: [entry(1, entryTerm)], snapshot: null })
  return disk
}

function sliceOf(entries: readonly Entry[]): void {
  const { core, disk } = stored()
  disk.entries = () => entries
  core.log.slice(1, 3, 100)
}

function storedTooEarly(): void {
  const { core } = stored()
  core.log.append(entry(4, 1))
  core.log.unstable.stableTo(4, 1)
}

function sendEmptySnapshot(): void {
  const { core, leader } = leading()
  const peer = leader.find(2)
  if (peer === null) throw new Compacted()
  peer.recentActive = true
  Object.assign(core.storage, { snapshot: () => snapshotAt(0) })
  sendSnapshot(core, peer)
}
