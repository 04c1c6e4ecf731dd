import { expect, test } from 'vitest'
import type { MetaState } from '../../src/meta/meta-state.ts'
import { nodesReport } from '../../src/node/nodes-report.ts'
import type { LedPartition } from '../../src/node/nodes-report.ts'
import { foundedBy } from './fake-meta.ts'

const led = (
  group: number,
  voters: readonly number[],
  more: Partial<LedPartition['conf']> & { term?: number } = {},
): LedPartition => {
  const { term = 1, ...conf } = more
  return { group, term, conf: { voters, outgoing: [], learners: [], learnersNext: [], ...conf } }
}

/** Four partitions, wished on the nodes named. */
function wishing(replicas: readonly (readonly number[])[], nodes = 3): MetaState {
  const state = foundedBy(nodes)
  return {
    ...state,
    table: { ...state.table, partitions: replicas.map((it) => ({ replicas: it })) },
  }
}

const counts = (state: MetaState, told: Record<number, LedPartition[]>) => {
  const map = new Map(Object.entries(told).map(([node, leads]) => [Number(node), { leads }]))
  const { moving, nodes } = nodesReport(state, map, (node) => node !== 3)
  const rows = nodes.map((it) => [
    it.wished.replicas,
    it.wished.leads,
    it.actual.replicas,
    it.actual.leads,
    it.catchingUp,
  ])
  return { moving, rows, up: nodes.map((it) => it.up) }
}

test('everything where it should be', () => {
  const state = wishing(
    [
      [1, 2],
      [2, 1],
    ],
    2,
  )
  expect(counts(state, { 1: [led(0, [1, 2]), led(1, [2, 1])], 2: [led(2, [1, 2])] })).toEqual({
    moving: 0,
    rows: [
      [2, 1, 2, 1, 0],
      [2, 1, 2, 1, 0],
    ],
    up: [true, true],
  })
})

test.for([
  [
    'a new replica is copied',
    [led(1, [1], { learners: [2] })],
    1,
    [1, 1, 1, 1, 0],
    [1, 0, 0, 0, 1],
  ],
  [
    'both count in the middle of a change',
    [led(1, [2], { outgoing: [1] })],
    1,
    [1, 1, 1, 1, 0],
    [1, 0, 1, 0, 0],
  ],
  ['nobody says that it leads', [], 1, [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]],
] as const)('%s', ([, leads, moving, one, two]) => {
  const state = wishing([[1, 2]], 2)
  expect(counts(state, { 1: [...leads] })).toMatchObject({ moving, rows: [one, two] })
})

test('of two leaders the one with the newer term counts; removed members are not shown', () => {
  const state = wishing([[2, 3]])
  const members = state.members.map((it) =>
    it.index === 1 ? { ...it, state: 'removed' as const } : it,
  )
  const told = { 1: [led(1, [1, 2], { term: 4 })], 2: [led(1, [2, 3], { term: 5 })] }
  expect(counts({ ...state, members }, told)).toEqual({
    moving: 0,
    rows: [
      [1, 1, 1, 1, 0],
      [1, 0, 1, 0, 0],
    ],
    up: [true, false],
  })
})
