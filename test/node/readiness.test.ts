import { expect, test } from 'vitest'
import { Facts } from '../../src/node/node-facts.ts'
import type { FactSources } from '../../src/node/node-facts.ts'
import type { Member } from '../../src/meta/meta-state.ts'

const disk = 'a'.repeat(32)

/** A node alone in its cluster, in good health but for what the test says. */
function readiness(member: Partial<Member> | null, changes: Partial<FactSources> = {}) {
  const state =
    member === null
      ? null
      : { members: [{ index: 1, state: 'active', incarnation: disk, ...member }] }
  const sources = {
    identity: { index: 1, incarnation: disk },
    clock: { monotonic: () => 10_000 },
    timers: { every: () => () => {} },
    groups: { statuses: () => [{ group: 0, lead: 1, applied: 7, commit: 7 }] },
    meta: { state: () => state },
    peers: { isUp: () => false },
    isDraining: () => false,
    isClockBehind: () => false,
    ...changes,
  } as unknown as FactSources
  return new Facts(sources).ready()
}

test('a member in good health is ready', () => {
  expect(readiness({})).toEqual({ ready: true, reasons: [] })
})

test.each<[string, Partial<Member> | null, Partial<FactSources>, RegExp]>([
  ['no member list yet', null, {}, /not a member/],
  ['removed', { state: 'removed' }, {}, /not a member/],
  // Were it ready, its disk could be emptied now and nobody would know.
  ['its disk never announced', { incarnation: '' }, {}, /has not taken the announcement/],
  ['another disk known', { incarnation: 'b'.repeat(32) }, {}, /has not taken the announcement/],
  ['draining', {}, { isDraining: () => true }, /draining/],
  ['a clock that was set back', {}, { isClockBehind: () => true }, /clock/],
])('not ready: %s', (_, member, changes, reason) => {
  const { ready, reasons } = readiness(member, changes)
  expect(ready).toBe(false)
  expect(reasons.join('; ')).toMatch(reason)
})
