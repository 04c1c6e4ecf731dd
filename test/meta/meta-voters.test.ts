import { expect, test } from 'vitest'
import type { Member, MetaState } from '../../src/meta/meta-state.ts'
import { decide } from '../../src/meta/placement.ts'
import { deepFreeze, frozenState } from './seeds.ts'
import { conf, viewOf } from './view-of.ts'
import type { Change } from './view-of.ts'

/** `states` by member: a, d, j, x for active, draining, joining, removed; `zones` alike, '-' for none. */
function members(states: string, zones = ''): MetaState {
  const state = frozenState(states.length)
  const names: Record<string, Member['state']> = {
    a: 'active',
    d: 'draining',
    j: 'joining',
    x: 'removed',
  }
  return deepFreeze({
    ...state,
    members: state.members.map((member, at) => ({
      ...member,
      state: names[states[at]!]!,
      zone: (zones[at] ?? '-').replace('-', ''),
    })),
  })
}

/** What is ordered for meta's own members, in words. */
function metaOrder(state: MetaState, change: Change): string {
  const { orders } = decide(viewOf(state, change), state.table)
  const order = orders.find((it) => it.group === 0)
  if (order?.kind !== 'change') return ''
  const sign = { 'add-voter': '+', 'add-learner': '~', remove: '-' }
  return order.steps.map(({ kind, id }) => `${sign[kind]}${id}`).join(' ') || 'leave'
}

const threeAnd = (...learners: number[]) => conf([1, 2, 3], learners)

test.each<[string, MetaState, Change, string]>([
  ['three of three', members('aaa'), { confs: { 0: threeAnd() } }, ''],
  ['one restarts: stays', members('aaa'), { confs: { 0: threeAnd() }, dead: [3] }, ''],
  ['a joiner learns', members('aaaj'), { confs: { 0: threeAnd() } }, '~4'],
  ['also one that does not report', members('aaaj'), { confs: { 0: threeAnd() }, dead: [4] }, '~4'],
  ['a joiner does not vote', members('aaj'), { confs: { 0: conf([1, 2], [3]) } }, ''],
  ['a fourth goes on learning', members('aaaa'), { confs: { 0: threeAnd(4) } }, ''],
  ['a fourth and a fifth vote', members('aaaaa'), { confs: { 0: threeAnd(4, 5) } }, '+4 +5'],
  [
    'not one alone while the other is dead',
    members('aaaaa'),
    { confs: { 0: threeAnd(4, 5) }, dead: [5] },
    '',
  ],
  [
    'not one alone while the other is behind',
    members('aaaaa'),
    { confs: { 0: threeAnd(4, 5) }, lag: { '0:5': { match: 3 } } },
    '',
  ],
  ['a sixth learns', members('aaaaaa'), { confs: { 0: conf([1, 2, 3, 4, 5], [6]) } }, ''],
  ['one grows to two', members('aa'), { confs: { 0: conf([1], [2]) } }, '+2'],
  ['two are two', members('aa'), { confs: { 0: conf([1, 2]) } }, ''],
  ['one to three at once', members('aaa'), { confs: { 0: conf([1], [2, 3]) } }, '+2 +3'],
  ['four shrink to three', members('aaaa'), { confs: { 0: conf([1, 2, 3, 4]) } }, '~4'],
  ['the dead one goes', members('aaaa'), { confs: { 0: conf([1, 2, 3, 4]) }, dead: [2] }, '~2'],
  [
    'the leader does not',
    members('aaaa'),
    { confs: { 0: conf([1, 2, 3, 4]) }, leaders: { 0: 4 } },
    '~3',
  ],
  ['removed: goes', members('aax'), { confs: { 0: threeAnd() }, dead: [3] }, '-3'],
  ['removed learner: goes', members('aaax'), { confs: { 0: threeAnd(4) }, dead: [4] }, '-4'],
  [
    'removed of five: four become three in the same change',
    members('aaaax'),
    { confs: { 0: conf([1, 2, 3, 4, 5]) }, dead: [5] },
    '~4 -5',
  ],
  ['replaced in one change', members('aaxa'), { confs: { 0: threeAnd(4) }, dead: [3] }, '+4 -3'],
  ['draining: learns', members('aada'), { confs: { 0: threeAnd(4) } }, '+4 ~3'],
  [
    'draining: waits for whoever comes for it',
    members('aada'),
    { confs: { 0: threeAnd(4) }, lag: { '0:4': { match: 1 } } },
    '',
  ],
  [
    'draining: does not wait for the dead',
    members('aada'),
    { confs: { 0: threeAnd(4) }, dead: [4] },
    '~3',
  ],
  ['draining leader: too', members('daaa'), { confs: { 0: threeAnd(4) } }, '+4 ~1'],
  ['all others draining', members('add'), { confs: { 0: threeAnd() } }, '~2 ~3'],
  [
    'all others draining, and the one that stays dead: nothing can be done',
    members('add'),
    { confs: { 0: threeAnd() }, dead: [1] },
    '',
  ],
  ['no majority', members('aaaaa'), { confs: { 0: threeAnd(4, 5) }, dead: [2, 3] }, ''],
  [
    'under way',
    members('aaaaa'),
    { confs: { 0: threeAnd(4, 5) }, led: { 0: { pending: true } } },
    '',
  ],
  [
    'joint phase that ends by itself',
    members('aaaa'),
    { confs: { 0: conf([1, 2, 4], [], [1, 2, 3]) } },
    '',
  ],
  [
    'joint phase that does not',
    members('aaaa'),
    { confs: { 0: { ...conf([1, 2, 4], [], [1, 2, 3]), autoLeave: false } } },
    'leave',
  ],
  [
    'zones: the new voters come from those that have least, and even them out',
    members('aaaaaa', 'aaabbc'),
    { confs: { 0: threeAnd(4, 5, 6) } },
    '+5 +4 +6 ~3',
  ],
  [
    'zones: a crowded one gives a voter away',
    members('aaaa', 'aaab'),
    { confs: { 0: threeAnd(4) } },
    '+4 ~3',
  ],
  [
    'zones: but not to a dead one',
    members('aaaa', 'aaab'),
    { confs: { 0: threeAnd(4) }, dead: [4] },
    '',
  ],
])('%s', (_what, state, change, expected) => {
  expect(metaOrder(state, change)).toBe(expected)
})
