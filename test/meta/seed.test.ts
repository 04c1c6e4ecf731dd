import { describe, expect, test } from 'vitest'
import { seedConf, seedFaults, seedState } from '../../src/meta/seed.ts'
import type { Seed } from '../../src/meta/seed.ts'
import { tableHash } from '../../src/ring/table.ts'
import { seedOf } from './seeds.ts'

describe('seed', () => {
  test('every node computes the same state', () => {
    expect(seedState(seedOf(5))).toEqual(seedState(structuredClone(seedOf(5))))
    expect(tableHash(seedState(seedOf(3)).table)).toMatchInlineSnapshot(`"a84925e4d4ee5906"`)
  })

  test('indexes are positions, from 1, and the next is free', () => {
    const state = seedState(seedOf(4))
    expect(state.members.map(({ index, name }) => [index, name])).toEqual([
      [1, 'node-1'],
      [2, 'node-2'],
      [3, 'node-3'],
      [4, 'node-4'],
    ])
    expect(state.nextIndex).toBe(5)
    expect(state.table.version).toBe(1)
    expect(state.table.partitions.length).toBe(64)
  })

  test.each([
    [1, [1], []],
    [2, [1, 2], []],
    [3, [1, 2, 3], []],
    [4, [1, 2, 3], [4]],
    [5, [1, 2, 3, 4, 5], []],
    [7, [1, 2, 3, 4, 5], [6, 7]],
  ])('of %i nodes, %j vote in meta and %j learn', (count, voters, learners) => {
    expect(seedConf(seedState(seedOf(count)), 0)).toEqual({
      voters,
      outgoing: [],
      learners,
      learnersNext: [],
      autoLeave: false,
    })
  })

  test('a partition starts with the replicas of the table', () => {
    const state = seedState(seedOf(5))
    for (let group = 1; group <= 64; group++) {
      const { replicas } = state.table.partitions[group - 1]!
      const conf = seedConf(state, group)
      expect(new Set(conf.voters)).toEqual(new Set(replicas))
      expect(conf.voters).toEqual(conf.voters.toSorted((a, b) => a - b))
    }
    expect(() => seedConf(state, 65)).toThrow('RING-2')
  })

  const good = seedOf(2)
  const [first, second] = good.members as [Seed['members'][0], Seed['members'][0]]
  test.each<[string, Partial<Seed>, RegExp]>([
    ['no cluster id', { clusterId: '' }, /cluster id/],
    ['no members', { members: [] }, /no members/],
    ['P of 100', { partitions: 100 }, /power of two/],
    ['RF of 0', { replicationFactor: 0 }, /replicationFactor is 0/],
    ['half a vnode', { vnodes: 0.5 }, /vnodes is 0.5/],
    ['one name twice', { members: [first, { ...second, name: 'node-1' }] }, /name node-1/],
    ['one address twice', { members: [first, { ...second, address: first.address }] }, /address/],
    ['a bad name', { members: [{ ...first, name: '../x' }] }, /no name/],
    ['no port', { members: [{ ...first, address: 'localhost' }] }, /not host:port/],
    ['port 0', { members: [{ ...first, clientAddress: 'localhost:0' }] }, /not host:port/],
    ['1,024 members', { members: seedOf(1_024).members }, /more than 1023/],
  ])('%s is a fault (META-1)', (_what, fault, says) => {
    expect(seedFaults(good)).toEqual([])
    const seed = { ...good, ...fault }
    expect(seedFaults(seed).join('; ')).toMatch(says)
    expect(() => seedState(seed)).toThrow('META-1')
  })

  test.each(['localhost:1', 'a.example.org:65535', '10.0.0.1:7000', '[::1]:7000', '[fe80::1]:1'])(
    '%s is an address',
    (address) => {
      expect(seedFaults({ ...good, members: [{ ...first, address }] })).toEqual([])
    },
  )
})
