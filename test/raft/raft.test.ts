import { expect, test } from 'vitest'
import { leaveJointChange } from '../../src/raft/confchange.ts'
import {
  describeConfChange,
  describeEntry,
  describeMessage,
  describeSnapshot,
} from '../../src/raft/describe.ts'
import { message } from '../../src/raft/message.ts'
import { Raft } from '../../src/raft/raft.ts'
import { maxPendingReads, maxReadRounds } from '../../src/raft/read-index.ts'
import { Group, confOf, text } from './world/group.ts'
import { MemoryDisk } from './world/memory-disk.ts'
import { usualConfig } from './world/member.ts'
import { always } from './world/random.ts'

const config = { ...usualConfig, id: 1, applied: 0, random: always(0) }

function led(count: number): Group {
  const group = Group.of(count, always(0))
  group.raft(1).campaign()
  group.settle()
  return group
}

test('a host that does one thing at a time needs ready and advance only', () => {
  const disk = new MemoryDisk(confOf([1]))
  const raft = new Raft(config, disk)
  const applied: number[] = []
  const run = (): void => {
    while (raft.hasReady()) {
      const rd = raft.ready()
      disk.write(rd)
      disk.sync()
      applied.push(...rd.committed.map(({ index }) => index))
      raft.advance(rd)
      raft.check()
    }
  }
  raft.campaign()
  run()
  raft.propose(text('a'))
  run()
  expect(applied).toEqual([1, 2])
  expect(raft.status()).toMatchObject({ commit: 2, applied: 2, lead: 1, role: 'leader' })
})

test('a change of leader alone is something to tell', () => {
  const { raft } = led(3).member(2)
  expect(raft.hasReady()).toBe(false)
  raft.step(message('forget-leader', { from: 2, to: 2 }))
  expect(raft.hasReady()).toBe(true)
  expect(raft.ready()).toMatchObject({ lead: 0, hardState: null, mustSync: false })
  expect(raft.hasReady()).toBe(false)
})

test('proposals are not taken from the network, at the leader neither', () => {
  const group = led(3)
  const entries = [{ index: 0, term: 0, kind: 'normal', data: text('a') } as const]
  group.deliver(message('propose', { from: 2, to: 1, term: 1, entries }))
  expect(group.raft(1).hasReady()).toBe(false)
  expect(group.raft(2).propose(text('a'))).toEqual({ error: 'not-leader' })
})

test('wishes that reach somebody who does not lead are dropped', () => {
  const group = led(3)
  group.deliver(message('transfer-leader', { from: 3, to: 2, context: 3 }))
  group.deliver(message('read-index', { from: 3, to: 2, context: 3 }))
  group.deliver(message('append-response', { from: 3, to: 2, term: 1, index: 1 }))
  expect(group.raft(2).hasReady()).toBe(false)
})

test('a leader that is asked to forget or to stand goes on', () => {
  const group = led(1)
  group.raft(1).forgetLeader()
  group.raft(1).campaign()
  expect(group.raft(1).status()).toMatchObject({ role: 'leader', lead: 1, term: 1 })
})

test('reads are bounded: too many are refused, and room comes back', () => {
  const group = led(3)
  const { raft } = group.member(1)
  let refused = 0
  for (let i = 1; i <= maxPendingReads; i++) if (raft.readIndex(i).error !== undefined) refused++
  expect(refused).toBe(0)
  expect(raft.readIndex(0)).toEqual({ error: 'reads-full' })
  group.deliver(message('read-index', { from: 2, to: 1, context: 1 }))
  const rounds = raft.ready().messages.filter(({ kind }) => kind === 'heartbeat')
  expect(rounds).toHaveLength(2)
  raft.step(message('heartbeat-response', { from: 2, to: 1, term: 1, context: 1 }))
  expect(raft.ready().reads).toHaveLength(maxPendingReads)
  expect(raft.readIndex(1)).toEqual({ term: 1 })
})

test('rounds are bounded: later reads share the next one', () => {
  const { raft } = led(3).member(1)
  for (let i = 1; i <= maxReadRounds + 9; i++) {
    raft.readIndex(i)
    raft.ready()
  }
  const confirm = (context: number): number[] => {
    raft.step(message('heartbeat-response', { from: 2, to: 1, term: 1, context }))
    raft.hasReady()
    return raft.ready().reads.map((read) => read.context)
  }
  expect(confirm(maxReadRounds)).toHaveLength(maxReadRounds)
  expect(confirm(maxReadRounds + 1)).toHaveLength(9)
  raft.check()
})

test('a member that knows no members stands for nothing and makes itself nothing', () => {
  const raft = new Raft(config, new MemoryDisk(confOf([])))
  for (let i = 0; i < 50; i++) raft.tick()
  expect(raft.status()).toMatchObject({ role: 'follower', term: 0 })
  const change = { ...leaveJointChange, steps: [{ kind: 'add-voter', id: 1 }] } as const
  expect(raft.applyConfChange(change)).toEqual(confOf([]))
})

test('a handover is taken up when the change of members has been applied', () => {
  const group = led(3)
  group.add(4, confOf([1, 2, 3]))
  const steps = [{ kind: 'add-voter', id: 4 }] as const
  group.raft(1).proposeConfChange({ ...leaveJointChange, steps })
  for (let i = 0; i < 3; i++) {
    for (const member of group.members) {
      group.take(member)
      group.store(member)
      if (member.id !== 2) group.apply(member)
    }
    for (const m of group.network.splice(0)) group.deliver(m)
  }
  group.take(group.member(2))
  expect(group.member(2).toApply.map(({ kind }) => kind)).toEqual(['conf-change'])
  group.deliver(message('timeout-now', { from: 1, to: 2, term: 1 }))
  expect(group.raft(2).status().role).toBe('follower')
  group.apply(group.member(2))
  expect(group.raft(2).status().role).toBe('candidate')
})

test('a handover that is still waiting ends when the leader is heard again', () => {
  const group = led(3)
  const steps = [{ kind: 'add-learner', id: 4 }] as const
  group.raft(1).proposeConfChange({ ...leaveJointChange, steps })
  for (let i = 0; i < 3; i++) {
    for (const member of group.members) {
      group.take(member)
      group.store(member)
    }
    for (const m of group.network.splice(0)) group.deliver(m)
    group.apply(group.member(1))
  }
  group.take(group.member(2))
  group.store(group.member(2))
  group.deliver(message('timeout-now', { from: 1, to: 2, term: 1 }))
  group.deliver(message('heartbeat', { from: 1, to: 2, term: 1 }))
  group.apply(group.member(2))
  expect(group.raft(2).status().role).toBe('follower')
})

test('members whose entries must be read first hold their campaign back', () => {
  const group = led(3)
  group.raft(1).propose(text('a'))
  group.settle()
  const member = group.member(2)
  group.raft(1).propose(text('b'))
  for (let i = 0; i < 5; i++) {
    for (const one of group.members) {
      group.take(one)
      group.store(one)
    }
    for (const m of group.network.splice(0)) group.deliver(m)
  }
  expect(member.raft.status()).toMatchObject({ commit: 3, applied: 2 })
  member.disk.coldTo = 3
  member.raft.campaign()
  expect(member.raft.status().role).toBe('follower')
  member.disk.coldTo = 0
  member.raft.campaign()
  expect(member.raft.status().role).toBe('pre-candidate')
})

test.for(['append', 'snapshot'] as const)('an %s that needs a read first is as if lost', (kind) => {
  const group = led(3)
  const { raft, disk } = group.member(2)
  for (const word of ['a', 'b']) group.raft(1).propose(text(word))
  group.take(group.member(1))
  for (const m of group.network.splice(0)) group.deliver(m)
  group.work(group.member(2))
  group.network = []
  const termNow = disk.term.bind(disk)
  disk.term = () => {
    disk.coldTo = 3
    return disk.entries(2, 3, 0).length
  }
  const meta = { index: 2, term: 1, conf: confOf([1, 2, 3]) }
  const snapshot = kind === 'snapshot' ? { meta, data: text('') } : null
  raft.step(message(kind, { from: 1, to: 2, term: 1, index: 2, logTerm: 1, snapshot }))
  expect(raft.hasReady()).toBe(false)
  disk.coldTo = 0
  disk.term = termNow
  raft.step(message(kind, { from: 1, to: 2, term: 1, index: 2, logTerm: 1, snapshot }))
  expect(raft.ready().afterStore).toMatchObject([{ kind: 'append-response', index: 2 }])
})

test('what cannot be had is not confused with what is broken', () => {
  const group = led(3)
  const cut = (): never => {
    throw new Error('wires cut')
  }
  const leader = group.member(1)
  for (const word of ['a', 'b']) leader.raft.propose(text(word))
  group.isolate(3)
  group.settle()
  leader.raft.linkLost(3)
  leader.disk.entries = cut
  leader.raft.step(message('heartbeat-response', { from: 3, to: 1, term: 1 }))
  expect(() => leader.raft.ready()).toThrow('wires cut')
})

test('a snapshot that cannot be read is not one that has to be made', () => {
  const group = led(3)
  const leader = group.member(1)
  leader.raft.propose(text('a'))
  group.isolate(3)
  group.settle()
  leader.snapshotNow()
  leader.raft.linkLost(3)
  leader.disk.snapshot = () => {
    throw new Error('wires cut')
  }
  expect(() =>
    leader.raft.step(message('heartbeat-response', { from: 3, to: 1, term: 1 })),
  ).not.toThrow()
  expect(() => leader.raft.hasReady()).toThrow('wires cut')
})

test('entries to apply that cannot be read are not entries to wait for', () => {
  const group = led(1)
  const { raft, disk } = group.member(1)
  raft.propose(text('a'))
  group.take(group.member(1))
  group.store(group.member(1))
  disk.entries = () => {
    throw new Error('wires cut')
  }
  expect(() => raft.ready()).toThrow('wires cut')
})

test('a campaign that cannot read its log does not go on', () => {
  const group = led(3)
  const { raft, disk } = group.member(2)
  const entries = [{ index: 2, term: 1, kind: 'normal', data: text('a') } as const]
  group.deliver(
    message('append', { from: 1, to: 2, term: 1, index: 1, logTerm: 1, entries, commit: 2 }),
  )
  group.take(group.member(2))
  group.store(group.member(2))
  disk.entries = () => {
    throw new Error('wires cut')
  }
  expect(() => raft.campaign()).toThrow('wires cut')
})

test('a snapshot message without a snapshot says nothing', () => {
  const group = led(3)
  group.deliver(message('snapshot', { from: 1, to: 2, term: 1 }))
  expect(group.raft(2).hasReady()).toBe(false)
})

test('a message has every field, given or not', () => {
  const given = { from: 1, to: 2, term: 3, logTerm: 4, index: 5, commit: 6, reject: true }
  const rest = { entries: [], snapshot: null, rejectHint: 7, context: 8 }
  expect(message('append', { ...given, ...rest })).toEqual({ kind: 'append', ...given, ...rest })
  const names = Object.keys(message('append', { ...given, ...rest }))
  expect(Object.keys(message('vote', {}))).toEqual(names)
})

test('positions before a pending snapshot are gone, above the log there is nothing', () => {
  const group = led(3)
  const meta = { index: 9, term: 1, conf: confOf([1, 2, 3]) }
  group.deliver(
    message('snapshot', { from: 1, to: 2, term: 1, snapshot: { meta, data: text('') } }),
  )
  group.deliver(message('vote', { from: 3, to: 2, term: 0 }))
  group.deliver(message('append', { from: 1, to: 2, term: 1, index: 12, logTerm: 1 }))
  const [refusal] = group
    .raft(2)
    .ready()
    .messages.filter(({ reject }) => reject)
  expect(refusal).toMatchObject({ kind: 'vote-response' })
})

test.for([
  [message('propose', { from: 2, to: 1, term: 3 }), '2→1 propose t3'],
  [message('forget-leader', { from: 1, to: 1 }), '1→1 forget-leader t0'],
  [message('snapshot', { from: 1, to: 2, term: 3 }), '1→2 snapshot t3 no snapshot'],
] as const)('a message on a line: %j', ([m, line]) => {
  expect(describeMessage(m)).toBe(line)
})

test('entries and changes on a line', () => {
  const data = Uint8Array.from([1, 2, 3])
  expect(describeEntry({ index: 4, term: 2, kind: 'normal', data })).toBe('4/2 #3')
  expect(describeEntry({ index: 4, term: 2, kind: 'conf-change', data })).toBe('4/2 conf ?')
  const long = text('a line that is longer than it may be')
  expect(describeEntry({ index: 4, term: 2, kind: 'normal', data: long })).toBe('4/2 #36')
  expect(describeConfChange(leaveJointChange)).toBe('leave')
  expect(describeSnapshot(null)).toBe('no snapshot')
})
