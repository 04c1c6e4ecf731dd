import { expect, test } from 'vitest'
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
  for (let ticks = 1; ticks <= 100; ticks++) {
    member.raft.tick()
    member.takeReady()
    member.stored()
    if (member.raft.status().role === 'pre-candidate') return ticks
  }
  return Infinity
}

/** A follower whose leader is gone and whose rival takes every vote, in its first campaigns and in later ones. */
test.each([1, 2, 3, 4, 5])(
  'rivals that split the votes of a dead leader try again soon, seed %i',
  (seed) => {
    const member = new Member(2, conf, { ...usualConfig, electionTick: 12 }, seeded(seed))
    member.raft.step(message('heartbeat', { from: 1, to: 2, term: 1 }))
    member.takeReady()
    member.stored()
    member.raft.linkLost(1)
    const waits: number[] = []
    for (let campaign = 0; campaign < 5; campaign++) {
      waits.push(ticksToStand(member))
      const { term } = member.raft.status()
      member.raft.step(message('pre-vote-response', { from: 3, to: 2, term: term + 1 }))
      member.takeReady()
      member.stored()
      member.raft.step(
        message('vote-response', {
          from: 3,
          to: 2,
          term: term + 1,
          reject: true,
        }),
      )
      member.raft.step(
        message('vote-response', {
          from: 1,
          to: 2,
          term: term + 1,
          reject: true,
        }),
      )
    }
    expect(waits[0]).toBeLessThanOrEqual(3)
    for (const wait of waits.slice(1, 3)) expect(wait).toBeLessThanOrEqual(7)
    for (const wait of waits.slice(3)) expect(wait).toBeGreaterThanOrEqual(12)
  },
)
