import { expect, test } from 'vitest'
import type { Message } from '../../src/raft/message.ts'
import { Group, text } from './world/group.ts'
import { seeded } from './world/random.ts'

const window = 32
const entries = 200

interface Course {
  /** Most appends under way at one time. */
  readonly peak: number
  readonly sent: number
  readonly isEqual: boolean
}

/** 1 leads 2, one entry an append; everything is proposed at once. */
function pair(seed: number): Group {
  const config = { maxSizePerMsg: 1, maxInflightMsgs: window }
  const group = Group.of(2, seeded(seed), config)
  group.raft(1).campaign()
  group.settle()
  for (let i = 0; i < entries; i++) group.raft(1).propose(text(`${i}`))
  return group
}

/** Messages arrive in any order, none is lost; a heartbeat for each hundred of them. */
function shuffle(group: Group, seed: number): Course {
  const random = seeded(seed)
  const sent = new Set<Message>()
  let peak = 0
  for (let i = 1; i < 20_000; i++) {
    for (const member of group.members) group.work(member)
    const appends = group.network.filter(({ kind }) => kind === 'append')
    for (const m of appends) sent.add(m)
    peak = Math.max(peak, appends.length)
    const isEqual = group.member(2).applied === group.raft(1).status().commit
    if (isEqual && group.network.length === 0) return { peak, sent: sent.size, isEqual }
    const [m] = group.network.splice(random.below(group.network.length), 1)
    if (m !== undefined) group.deliver(m)
    if (m === undefined || i % 100 === 0) group.tick(group.member(1))
  }
  return { peak, sent: sent.size, isEqual: false }
}

test.for([1, 2, 3, 4, 5, 6, 7, 8])(
  'messages that overtake each other do not breed more of them, seed %i',
  (seed) => {
    const { peak, sent, isEqual } = shuffle(pair(seed), seed)
    expect(isEqual).toBe(true)
    expect(peak).toBeLessThanOrEqual(2 * window)
    expect(sent).toBeLessThanOrEqual(4 * entries)
  },
)

test('one lost append halves the window, and each that arrives opens it by one', () => {
  const group = pair(1)
  const inflight = (): number => group.raft(1).status().progress[2]?.inflight ?? 0
  const leader = group.member(1)
  group.work(leader)
  group.network.shift()
  const widths = [inflight()]
  while (group.network.length > 0) {
    const batch = group.network
    group.network = []
    for (const m of batch) group.deliver(m)
    for (const member of group.members) group.work(member)
    if (inflight() !== widths.at(-1)) widths.push(inflight())
  }
  // The window, one append to find the place, half the window, all of it again.
  expect(widths.slice(0, 4)).toEqual([window, 0, window / 2, window])
  expect(group.member(2).applied).toBe(group.raft(1).status().commit)
})
