import { expect, test } from 'vitest'
import { isVoter } from '../../src/raft/confchange.ts'
import type { ConfState } from '../../src/raft/entry.ts'
import { emptyConfState } from '../../src/raft/entry.ts'
import { Group, confOf, text } from './world/group.ts'
import { chaos, swarm } from './world/chaos.ts'
import { seeded } from './world/random.ts'

/** More with CHAOS_SEEDS; from another place with CHAOS_FROM. A failing run names its seed. */
const from = Number(process.env['CHAOS_FROM'] ?? 1)
const count = Number(process.env['CHAOS_SEEDS'] ?? 40)
const seeds = Array.from({ length: count }, (_, i) => from + i)

const foundings = [[1], [1, 2, 3], [1, 2, 3], [1, 2, 3, 4, 5]]

test.for(seeds)('five members under seed %i keep every invariant and come back', (seed) => {
  const random = seeded(seed)
  const group = new Group(random)
  const founders = foundings[random.below(foundings.length)] as number[]
  const config = {
    electionTick: 6,
    maxInflightMsgs: 1 + random.below(4),
    maxInflightBytes: 40,
    maxSizePerMsg: 1 + random.below(60),
    maxCommittedSizePerReady: 1 + random.below(60),
    maxApplyingBytes: 1 + random.below(100),
    maxUncommittedBytes: 1 + random.below(200),
    preVote: random.below(4) > 0,
    checkQuorum: random.below(4) > 0,
    stepDownOnRemoval: random.below(4) > 0,
  }
  for (const id of [1, 2, 3, 4, 5]) group.add(id, confOf(founders), config)
  chaos(group, random, 4_000, swarm(random))
  recover(group)
  const leader = group.leader()
  expect(leader?.raft.propose(text('after'))).toHaveProperty('index')
  group.settle()
  const voters = group.leader()?.conf.voters ?? []
  const ends = voters.map((id) => group.member(id).applied)
  expect(new Set(ends).size).toBe(1)
  expect(ends[0]).toBe(group.checker.committed.length)
})

/** Every fault ends and is reported where the host must; then a few election timeouts must do. */
function recover(group: Group): void {
  group.heal()
  for (const { raft } of group.members) {
    for (const id of [1, 2, 3, 4, 5]) raft.reportSnapshot(id, false)
  }
  for (const member of group.members) {
    member.disk.coldTo = 0
    group.store(member)
    group.apply(member)
  }
  for (let i = 0; i < 200; i++) {
    const current = newestConf(group)
    for (const member of group.members) {
      // Whoever was removed is shut down some day; without pre-vote it would disturb until then.
      if (isVoter(current, member.id)) group.tick(member)
      compactFor(group)
    }
    replaceRemoved(group)
    group.settle()
  }
}

function newestConf({ members }: Group): ConfState {
  const applied = Math.max(...members.map((member) => member.applied))
  const newest = members.find((member) => member.applied === applied)
  return newest?.conf ?? emptyConfState
}

/** Without stepDownOnRemoval it is the host that sees to a removed leader. */
function replaceRemoved(group: Group): void {
  const leader = group.leader()
  if (leader === undefined || leader.conf.voters.includes(leader.id)) return
  leader.raft.transferLeader(leader.conf.voters[0] ?? 0)
}

/** A leader that owes a snapshot makes one. */
function compactFor(group: Group): void {
  const leader = group.leader()
  if (leader === undefined) return
  const { progress } = leader.raft.status()
  const isBehind = Object.values(progress).some(({ next }) => next < leader.disk.firstIndex())
  const canCompact = leader.held.length === 0 && leader.applied >= leader.disk.firstIndex()
  if (isBehind && canCompact) leader.snapshotNow()
}
