import { describe, expect, test } from 'vitest'
import type { MetaState } from '../../src/meta/meta-state.ts'
import { endangeredBy, heldBy } from '../../src/meta/removal.ts'
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

describe('a drained node', () => {
  test.each<[string, number, Change, number[]]>([
    ['who holds nothing', 6, {}, []],
    ['a voter', 5, { confs: { 9: conf([1, 2, 5]) } }, [9]],
    ['a learner', 5, { confs: { 9: conf([1, 2, 3], [5]) } }, [9]],
    ['on its way out', 5, { confs: { 9: conf([1, 2, 3], [], [1, 2, 5]) } }, [9]],
    ['with a partition that nobody leads', 6, { leaders: { 4: 0 } }, [4]],
  ])('%s', (_what, node, change, groups) => {
    expect(heldBy(viewOf(wishing([1, 2, 3]), change), node)).toEqual(groups)
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
