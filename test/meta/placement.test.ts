import { describe, expect, test } from 'vitest'
import { apply } from '../../src/meta/apply.ts'
import type { MetaState } from '../../src/meta/meta-state.ts'
import { decide, wishedTable } from '../../src/meta/placement.ts'
import type { Order, PlacementView } from '../../src/meta/placement.ts'
import { deepFreeze, frozenState } from './seeds.ts'
import { conf, viewOf } from './view-of.ts'
import type { Change } from './view-of.ts'

/** Six members that are active, and a table in which partition 1 is wished at `wish`. */
function wishing(wish: readonly number[], others: readonly number[] = [1, 2, 3]): MetaState {
  const state = frozenState(6)
  const partitions = state.table.partitions.map((_, at) => ({
    replicas: at === 0 ? wish : others,
  }))
  return deepFreeze({ ...state, table: { version: 7, partitions } })
}

/** The orders in words: `1: +4 -3` adds voter 4 and removes 3 in group 1; `~` adds a learner. */
function words(orders: readonly Order[]): string[] {
  const sign = { 'add-voter': '+', 'add-learner': '~', remove: '-' }
  return orders.map((order) => {
    if (order.kind === 'drop') return `${order.group}: ${order.to} drops`
    const steps = order.steps.map(({ kind, id }) => `${sign[kind]}${id}`)
    return `${order.group}: ${steps.join(' ') || 'leave'}`
  })
}

function orders(view: PlacementView): string[] {
  return words(decide(view, view.state.table).orders)
}

describe('a partition on its way to its wish', () => {
  const lagging = { '1:4': { match: 100 } }
  test.each<[string, number[], Change, string[]]>([
    ['is where it should be', [1, 2, 3], {}, []],
    ['lacks one', [1, 2, 4], { confs: { 1: conf([1, 2, 3]) } }, ['1: ~4']],
    ['lacks two', [1, 4, 5], { confs: { 1: conf([1, 2, 3]) } }, ['1: ~4 ~5']],
    [
      'lacks one whose table is old',
      [1, 2, 4],
      { confs: { 1: conf([1, 2, 3]) }, reports: { 4: { tableVersion: 6 } } },
      [],
    ],
    [
      'lacks one that does not hold it yet',
      [1, 2, 4],
      { confs: { 1: conf([1, 2, 3]) }, reports: { 4: { holds: [0] } } },
      [],
    ],
    ['lacks one that is dead', [1, 2, 4], { confs: { 1: conf([1, 2, 3]) }, dead: [4] }, []],
    ['learner behind', [1, 2, 4], { confs: { 1: conf([1, 2, 3], [4]) }, lag: lagging }, []],
    [
      'learner waits for a snapshot',
      [1, 2, 4],
      { confs: { 1: conf([1, 2, 3], [4]) }, lag: { '1:4': { snapshot: true } } },
      [],
    ],
    [
      'learner not heard of lately',
      [1, 2, 4],
      { confs: { 1: conf([1, 2, 3], [4]) }, lag: { '1:4': { active: false } } },
      [],
    ],
    ['learner ready: replaces', [1, 2, 4], { confs: { 1: conf([1, 2, 3], [4]) } }, ['1: +4 -3']],
    [
      'two ready: in one change',
      [1, 4, 5],
      { confs: { 1: conf([1, 2, 3], [4, 5]) } },
      ['1: +4 +5 -2 -3'],
    ],
    [
      'one ready, a living one behind: waits for it',
      [1, 4, 5],
      { confs: { 1: conf([1, 2, 3], [4, 5]) }, lag: lagging },
      [],
    ],
    [
      'one ready, the other dead: the dead one holds up only itself',
      [1, 4, 5],
      { confs: { 1: conf([1, 2, 3], [4, 5]) }, dead: [5] },
      ['1: +4 -3'],
    ],
    [
      'a dead voter is what is replaced first',
      [1, 4, 5],
      { confs: { 1: conf([1, 2, 3], [4, 5]) }, dead: [2, 5] },
      ['1: +4 -2'],
    ],
    [
      'a dead voter without a successor stays: two voters survive no more',
      [1, 2, 4],
      { confs: { 1: conf([1, 2, 3], [4]) }, dead: [3, 4] },
      [],
    ],
    [
      'a dead voter too many goes, whoever else is behind',
      [1, 2, 4],
      { confs: { 1: conf([1, 2, 3, 5], [4]) }, dead: [5], lag: lagging },
      ['1: -5'],
    ],
    ['fewer replicas wished', [1, 2], { confs: { 1: conf([1, 2, 3]) } }, ['1: -3']],
    [
      'fewer wished, but without the third there would be no living majority',
      [1, 2],
      { confs: { 1: conf([1, 2, 3]) }, dead: [2] },
      [],
    ],
    ['wish changed back', [1, 2, 3], { confs: { 1: conf([1, 2, 3], [4]) } }, ['1: -4']],
    [
      'joint phase that ends by itself',
      [1, 2, 4],
      { confs: { 1: conf([1, 2, 4], [], [1, 2, 3]) } },
      [],
    ],
    [
      'joint phase that does not',
      [1, 2, 4],
      { confs: { 1: { ...conf([1, 2, 4], [], [1, 2, 3]), autoLeave: false } } },
      ['1: leave'],
    ],
    [
      'change under way',
      [1, 2, 4],
      { confs: { 1: conf([1, 2, 3]) }, led: { 1: { pending: true } } },
      [],
    ],
    ['leader unknown', [1, 2, 4], { confs: { 1: conf([1, 2, 3]) }, leaders: { 1: 0 } }, []],
    [
      'leader has another table',
      [1, 2, 4],
      {
        confs: { 1: conf([1, 2, 3]) },
        leaders: { 1: 2, ...Object.fromEntries(Array.from({ length: 63 }, (_, i) => [i + 2, 1])) },
        reports: { 2: { tableVersion: 6 } },
      },
      [],
    ],
  ])('%s', (_what, wish, change, expected) => {
    expect(orders(viewOf(wishing(wish), change))).toEqual(expected)
  })
})

describe('a majority must live, before and after', () => {
  test.each<[string, Change, string[]]>([
    ['old voters dead', { confs: { 1: conf([1, 2, 3], [4, 5]) }, dead: [2, 3] }, []],
    ['one of three dead', { confs: { 1: conf([1, 2, 3], [4, 5]) }, dead: [2] }, ['1: +4 +5 -2 -3']],
    [
      'reports, but the leader does not hear them',
      {
        confs: { 1: conf([1, 2, 3]) },
        lag: { '1:2': { active: false }, '1:3': { active: false } },
      },
      [],
    ],
    [
      'most of the new voters dead',
      { confs: { 1: { ...conf([1, 4, 5], [], [1, 2, 3]), autoLeave: false } }, dead: [4, 5] },
      [],
    ],
    [
      'most of the old voters dead in a joint phase',
      { confs: { 1: { ...conf([1, 4, 5], [], [1, 2, 3]), autoLeave: false } }, dead: [2, 3] },
      [],
    ],
  ])('%s', (_what, change, expected) => {
    const only = { ...change, leaders: { ...nobody(2, 64), ...change.leaders } }
    expect(orders(viewOf(wishing([1, 4, 5]), only))).toEqual(expected)
  })
})

/** Nobody reports to lead these. */
function nobody(from: number, to: number): Record<number, number> {
  const leaders: Record<number, number> = {}
  for (let group = from; group <= to; group++) leaders[group] = 0
  return leaders
}

describe('a leader that is not wished', () => {
  test.each<[string, Change, string[]]>([
    ['stays while the preferred owner comes', { confs: { 1: conf([1, 2, 3], [4]) } }, ['1: +4']],
    ['waits for the handover', { confs: { 1: conf([1, 2, 3, 4]) } }, []],
    ['has handed over: goes', { confs: { 1: conf([1, 2, 3, 4]) }, leaders: { 1: 4 } }, ['1: -1']],
    [
      'goes at once when the preferred owner cannot lead',
      { confs: { 1: conf([1, 2, 3, 4]) }, dead: [4] },
      ['1: -1'],
    ],
    [
      'goes at once when the preferred owner is behind',
      { confs: { 1: conf([1, 2, 3, 4]) }, lag: { '1:4': { match: 10 } } },
      ['1: -1'],
    ],
    ['has left and goes: is not asked', { confs: { 1: conf([2, 3, 4]) }, leaders: { 1: 1 } }, []],
  ])('%s', (_what, change, expected) => {
    expect(orders(viewOf(wishing([4, 2, 3]), change))).toEqual(expected)
  })
})

describe('how much at a time', () => {
  const state = wishing([4, 2, 3], [4, 2, 3])
  const old = Object.fromEntries(state.table.partitions.map((_, at) => [at + 1, conf([1, 2, 3])]))

  test('so many partitions in all, and so many to a node', () => {
    const all = { confs: old, limits: { maxMoves: 3, maxMovesPerNode: 9 } }
    expect(orders(viewOf(state, all))).toEqual(['1: ~4', '2: ~4', '3: ~4'])
    const each = { confs: old, limits: { maxMoves: 9, maxMovesPerNode: 2 } }
    expect(orders(viewOf(state, each))).toEqual(['1: ~4', '2: ~4'])
  })

  test('what moves already counts and goes first', () => {
    const confs = { ...old, 9: conf([1, 2, 3], [4]), 20: conf([1, 2, 3], [4]) }
    const limits = { maxMoves: 3, maxMovesPerNode: 9 }
    const lag = { '20:4': { match: 0 } }
    expect(orders(viewOf(state, { confs, limits, lag }))).toEqual(['9: +4', '1: ~4'])
  })

  test('who has lost a voter goes before who only should stand elsewhere', () => {
    const confs = { ...old, 50: conf([1, 3, 6]) }
    const limits = { maxMoves: 1 }
    const view = viewOf(state, { confs, limits, dead: [6] })
    expect(orders(view)).toEqual(['50: ~4 ~2'])
  })

  test('a node that died half-way gives its places back when others wait', () => {
    const mixed = wishing([1, 2, 5], [4, 2, 3])
    const confs = { ...old, 2: conf([1, 2, 3], [4]), 3: conf([1, 2, 3], [4]) }
    const change = { confs, dead: [4], limits: { maxMoves: 2 } }
    expect(orders(viewOf(mixed, change))).toEqual(['2: -4'])
    expect(orders(viewOf(mixed, { ...change, limits: { maxMoves: 3 } }))).toEqual(['1: ~5'])
    const none = viewOf(wishing([1, 2, 3], [4, 2, 3]), {
      ...change,
      confs: { ...confs, 1: conf([1, 2, 3]) },
    })
    expect(orders(none)).toEqual([])
  })
})

describe('what a node holds and should not', () => {
  const holds = (node: number) => ({ reports: { [node]: { holds: [0, 1] } } })
  test.each<[string, Change, string[]]>([
    ['is dropped', holds(6), ['1: 6 drops']],
    ['not while it is a learner', { ...holds(6), confs: { 1: conf([1, 2, 3], [6]) } }, ['1: -6']],
    ['not while the group moves', { ...holds(6), confs: { 1: conf([1, 2, 3], [5]) } }, ['1: -5']],
    ['not in a joint phase', { ...holds(6), confs: { 1: conf([1, 2, 3], [], [1, 2, 5]) } }, []],
    ['not while a change is under way', { ...holds(6), led: { 1: { pending: true } } }, []],
    [
      'not before a majority knows of the change',
      { ...holds(6), led: { 1: { sealed: false } } },
      [],
    ],
    ['not when the leader is unknown', { ...holds(6), leaders: { 1: 0 } }, []],
    [
      'not before a majority of those who stay holds all',
      { ...holds(6), lag: { '1:2': { match: 999 }, '1:3': { match: 999 } } },
      [],
    ],
    ['not when it wants the group', { reports: { 3: { holds: [0, 1] } } }, []],
    ['not when its table is old', { reports: { 6: { holds: [0, 1], tableVersion: 6 } } }, []],
    ['not when its table is newer', { reports: { 6: { holds: [0, 1], tableVersion: 8 } } }, []],
  ])('%s', (_what, change, expected) => {
    expect(orders(viewOf(wishing([1, 2, 3]), change))).toEqual(expected)
  })

  test('the order says in which term and up to where the group was without it', () => {
    const { orders: given } = decide(viewOf(wishing([1, 2, 3]), holds(6)), wishing([1, 2, 3]).table)
    expect(given).toMatchObject([{ to: 6, group: 1, term: 3, commit: 1_000, tableVersion: 7 }])
  })

  test('meta is never dropped, nor a group that the table does not know', () => {
    const all = { reports: { 6: { holds: [0, 65] } } }
    expect(orders(viewOf(wishing([1, 2, 3]), all))).toEqual([])
  })

  test('few at a time', () => {
    const all = { reports: { 6: { holds: [0, 5, 4, 3, 2, 1] } }, limits: { maxMovesPerNode: 2 } }
    expect(orders(viewOf(wishing([1, 2, 3]), all))).toEqual(['1: 6 drops', '2: 6 drops'])
  })
})

test('of two who claim to lead the newer term is right; who was removed says nothing', () => {
  const state = wishing([1, 2, 4])
  const view = viewOf(state, { confs: { 1: conf([1, 2, 3]) } })
  const led = view.reports.get(1)!.leads.find((it) => it.group === 1)!
  const four = { ...led.members[0]!, node: 4, learner: true }
  const newer = { ...led, term: 4, conf: conf([1, 2, 3], [4]), members: [...led.members, four] }
  const reports = new Map(view.reports)
  reports.set(2, { ...reports.get(2)!, leads: [newer] })
  const given = decide({ ...view, reports }, state.table).orders
  expect(given).toMatchObject([{ to: 2, term: 4, steps: [{ id: 4 }, { id: 3 }] }])
  const gone = {
    ...state,
    members: state.members.map((it) =>
      it.index === 2 ? { ...it, state: 'removed' as const } : it,
    ),
  }
  const after = decide({ ...view, state: gone, reports }, state.table).orders
  expect(after.filter((it) => it.to === 2)).toEqual([])
})

describe('commands', () => {
  const joiner = (state: MetaState) => {
    const nowMs = 1
    const token = { kind: 'new-token', hash: 'h', expiresAtMs: 9, nowMs, sealed: '' } as const
    const name = 'node-9'
    const address = '127.0.0.1:7009'
    const join = {
      kind: 'add-member',
      name,
      address,
      clientAddress: '',
      zone: '',
      bootId: 1,
      incarnation: 'a',
      tokenHash: 'h',
      nowMs,
    } as const
    return apply(apply(state, token).state, join).state!
  }
  const state = deepFreeze(joiner(frozenState(3)))
  const promoted = { kind: 'set-state', index: 4, expect: 'joining', state: 'active' }
  test.each<[string, Change, unknown[]]>([
    ['follows meta: active', { confs: { 0: conf([1, 2, 3], [4]) } }, [promoted]],
    ['not in meta yet', { confs: { 0: conf([1, 2, 3]) } }, []],
    ['behind', { confs: { 0: conf([1, 2, 3], [4]) }, lag: { '0:4': { match: 1 } } }, []],
    ['dead', { confs: { 0: conf([1, 2, 3], [4]) }, dead: [4] }, []],
    [
      'table not applied',
      { confs: { 0: conf([1, 2, 3], [4]) }, reports: { 4: { tableVersion: 0 } } },
      [],
    ],
    ['meta without leader', { confs: { 0: conf([1, 2, 3], [4]) }, leaders: { 0: 0 } }, []],
  ])('a joiner %s', (_what, change, commands) => {
    expect(decide(viewOf(state, change)).commands).toEqual(commands)
  })

  test('the table follows the members; with nothing to change there is no command', () => {
    expect(wishedTable(state)).toBe(state.table)
    const active = apply(state, promoted as never).state!
    const [command] = decide(viewOf(active)).commands
    expect(command).toMatchObject({ kind: 'set-table', base: 1, table: { version: 2 } })
    const after = apply(active, command!).state!
    expect(after.table.version).toBe(2)
    expect(decide(viewOf(after)).commands).toEqual([])
    const drain = { kind: 'set-state', index: 2, expect: 'active', state: 'draining' } as const
    const drained = wishedTable(apply(after, drain).state!)
    expect(drained.partitions.some((it) => it.replicas.includes(2))).toBe(false)
  })

  test('nobody left to hold anything: the table stays', () => {
    const draining = state.members.map((it) => ({ ...it, state: 'draining' as const }))
    expect(wishedTable({ ...state, members: draining })).toBe(state.table)
  })
})
