import { describe, expect, test } from 'vitest'
import type { Message } from '../../src/raft/message.ts'
import { message } from '../../src/raft/message.ts'
import { Member, usualConfig } from './world/member.ts'
import { seeded } from './world/random.ts'

const conf = {
  voters: [1, 2, 3],
  outgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
}

/** Ticks until the member stands again; its messages go nowhere. */
function ticksToStand(member: Member): number {
  const stood = campaigns(member)
  for (let ticks = 1; ticks <= 100; ticks++) {
    member.raft.tick()
    member.takeReady()
    member.stored()
    if (campaigns(member) > stood) return ticks
  }
  return Infinity
}

function campaigns({ events }: Member): number {
  return events.filter((event) => event.kind === 'role' && event.role === 'pre-candidate').length
}

function follower(seed: number): Member {
  const member = new Member(2, conf, { ...usualConfig, electionTick: 12 }, seeded(seed))
  give(member, message('heartbeat', { from: 1, to: 2, term: 1 }))
  return member
}

function give(member: Member, m: Message): void {
  member.raft.step(m)
  member.takeReady()
  member.stored()
}

/** Who stands is elected up to the last moment, when the others turn out to have voted for each other. */
function splitVotes(member: Member): void {
  const term = member.raft.status().term + 1
  give(member, message('pre-vote-response', { from: 3, to: 2, term }))
  for (const from of [3, 1]) {
    give(member, message('vote-response', { from, to: 2, term, reject: true }))
  }
}

/** A follower whose leader is gone and whose rival takes every vote, in its first campaigns and in later ones. */
test.each([1, 2, 3, 4, 5])(
  'rivals that split the votes of a dead leader try again soon, seed %i',
  (seed) => {
    const member = follower(seed)
    member.raft.linkLost(1)
    const waits: number[] = []
    for (let campaign = 0; campaign < 5; campaign++) {
      waits.push(ticksToStand(member))
      splitVotes(member)
    }
    expect(waits[0]).toBeLessThanOrEqual(3)
    for (const wait of waits.slice(1, 3)) expect(wait).toBeLessThanOrEqual(7)
    for (const wait of waits.slice(3)) expect(wait).toBeGreaterThanOrEqual(12)
  },
)

describe.each([1, 2, 3, 4, 5])('haste ends early, seed %i', (seed) => {
  test('when a leader is heard from', () => {
    const member = follower(seed)
    member.raft.linkLost(1)
    ticksToStand(member)
    splitVotes(member)
    const { term } = member.raft.status()
    give(member, message('heartbeat', { from: 1, to: 2, term }))
    expect(ticksToStand(member)).toBeGreaterThanOrEqual(12)
    splitVotes(member)
    expect(ticksToStand(member)).toBeGreaterThanOrEqual(12)
  })

  test('when it has won and is deposed later', () => {
    const member = follower(seed)
    member.raft.linkLost(1)
    ticksToStand(member)
    const term = member.raft.status().term + 1
    give(member, message('pre-vote-response', { from: 3, to: 2, term }))
    give(member, message('vote-response', { from: 3, to: 2, term }))
    expect(member.raft.status().role).toBe('leader')
    give(member, message('heartbeat-response', { from: 3, to: 2, term: term + 1 }))
    expect(ticksToStand(member)).toBeGreaterThanOrEqual(12)
  })

  test('when nobody answers: the others may still hear the leader', () => {
    const member = follower(seed)
    member.raft.linkLost(1)
    expect(ticksToStand(member)).toBeLessThanOrEqual(3)
    expect(ticksToStand(member)).toBeGreaterThanOrEqual(12)
  })
})
