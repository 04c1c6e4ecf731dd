import { describe, expect, test } from 'vitest'
import type { MetaState } from '../../src/meta/meta-state.ts'
import { endangeredBy, progress } from '../../src/meta/placement-progress.ts'
import { deepFreeze, frozenState } from './seeds.ts'
import { conf, viewOf } from './view-of.ts'
import type { Change } from './view-of.ts'

/** Six members, and a table in which partition 1 is wished at `wish` and all others at 1, 2, 3. */
function wishing(wish: readonly number[]): MetaState {
  const state = frozenState(6)
  const partitions = state.table.partitions.map((_, at) => ({
    replicas: at === 0 ? wish : [1, 2, 3],
  }))
  return deepFreeze({ ...state, table: { version: 7, partitions } })
}

describe('progress', () => {
  test('at rest', () => {
    const { members, unknown, isSettled } = progress(viewOf(wishing([1, 2, 3])))
    expect({ unknown, isSettled }).toEqual({ unknown: 0, isSettled: true })
    expect(members[0]).toEqual({
      node: 1,
      state: 'active',
      isUp: true,
      wishedReplicas: 64,
      replicas: 64,
      wishedLeads: 64,
      leads: 64,
      toGet: 0,
      catchingUp: 0,
      toGive: 0,
    })
  })

  test('counts who still gets and gives, and who is not heard of', () => {
    const confs = { 1: conf([1, 2, 3], [4]), 2: conf([2, 3, 5]) }
    const view = viewOf(wishing([4, 2, 3]), {
      confs,
      leaders: { 3: 0 },
      dead: [6],
      reports: { 6: {} },
    })
    const { members, unknown, isSettled } = progress(view)
    expect({ unknown, isSettled }).toEqual({ unknown: 1, isSettled: false })
    expect(members[0]).toMatchObject({ toGet: 1, toGive: 1, replicas: 62, wishedReplicas: 63 })
    expect(members[3]).toMatchObject({ toGet: 1, catchingUp: 1, leads: 0, wishedLeads: 1 })
    expect(members[4]).toMatchObject({ toGive: 1, replicas: 1, wishedReplicas: 0 })
    expect(members[5]).toMatchObject({ isUp: false, toGive: 0 })
  })
})

describe('a node that goes for good', () => {
  const partitions = Array.from({ length: 64 }, (_, at) => at + 1)
  test.each<[string, number, Change, number[]]>([
    ['one of three', 3, {}, []],
    ['one of three, dead', 3, { dead: [3] }, []],
    ['one of three, with another dead', 3, { dead: [2] }, partitions],
    ['who holds nothing', 6, { dead: [2] }, []],
    ['one of two', 5, { confs: { 9: conf([1, 5]) } }, [9]],
    ['half of the outgoing ones', 5, { confs: { 9: conf([1, 2, 3], [], [1, 5]) } }, [9]],
    ['with a group that nobody leads', 6, { leaders: { 4: 0 } }, [4]],
    ['one of five that lead meta', 5, { dead: [4] }, []],
    ['one of three left of them', 5, { dead: [4, 6], confs: { 0: conf([4, 5, 1]) } }, [0]],
  ])('%s', (_what, node, change, groups) => {
    expect(endangeredBy(viewOf(wishing([1, 2, 3]), change), node)).toEqual(groups)
  })
})
