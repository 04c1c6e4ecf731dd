import { expect, test } from 'vitest'
import type { Group } from '../../src/group/group.ts'
import type { RaftStatus } from '../../src/raft/status.ts'
import { Seals } from '../../src/node/seals.ts'

/** A group as its leader sees it; what is proposed is appended at once. */
function led(conf: number, last: number) {
  const here = {
    id: 3,
    appliedIndex: last,
    log: { conf: { index: conf } },
    term: 7,
    match: { 1: last, 2: last, 4: last } as Record<number, number>,
    confPending: false,
    proposed: 0,
    propose() {
      here.proposed++
      here.appliedIndex = ++here.match[1]!
      return { index: here.match[1]!, term: here.term }
    },
    status: () => ({
      term: here.term,
      config: { voters: [1, 2, 4] },
      progress: Object.fromEntries(
        Object.entries(here.match).map(([id, match]) => [id, { match }]),
      ),
      confPending: here.confPending,
    }),
  }
  return here
}
const seen = (seals: Seals, group: ReturnType<typeof led>): boolean =>
  seals.isSealed(group as unknown as Group, group.status() as unknown as RaftStatus)

test('the members that a group began with need no seal', () => {
  const group = led(1, 50)
  expect(seen(new Seals(), group)).toBe(true)
  expect(group.proposed).toBe(0)
})

test('a change is sealed when a majority has stored an entry from after it was applied', () => {
  const seals = new Seals()
  const group = led(40, 50)
  expect(seen(seals, group)).toBe(false)
  expect(group.proposed).toBe(1)
  expect(seen(seals, group)).toBe(false) // the leader alone
  group.match[4] = 51
  expect(seen(seals, group)).toBe(true)
  expect(group.proposed).toBe(1)
})

test('not before the leader has applied the change, and anew in each term and for each change', () => {
  const seals = new Seals()
  const group = led(60, 50)
  expect(seen(seals, group)).toBe(false)
  group.appliedIndex = 60
  group.match[1] = 60
  group.confPending = true
  expect(seen(seals, group)).toBe(false)
  expect(group.proposed).toBe(0)
  group.confPending = false
  seen(seals, group)
  group.match[2] = group.match[1]!
  expect(seen(seals, group)).toBe(true)
  group.term = 8
  expect(seen(seals, group)).toBe(false)
  group.match[2] = group.match[1]!
  expect(seen(seals, group)).toBe(true)
  group.log.conf.index = group.appliedIndex
  expect(seen(seals, group)).toBe(false)
  seals.forget(3)
  expect(seen(seals, group)).toBe(false)
})
