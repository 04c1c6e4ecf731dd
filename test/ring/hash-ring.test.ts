import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { murmur3, partitionOf } from '../../src/ids/routing-key.ts'
import { assign } from '../../src/ring/assignment.ts'
import { HashRing, defaultVirtualNodes } from '../../src/ring/hash-ring.ts'
import { partitionsOf, placed, samePlacement, tableHash } from '../../src/ring/table.ts'
import type { Table } from '../../src/ring/table.ts'

function ringOf(indexes: readonly number[]): HashRing {
  return new HashRing(
    indexes.map((index) => ({ index, weight: 1 })),
    defaultVirtualNodes,
  )
}

const someNodes = fc.uniqueArray(fc.integer({ min: 1, max: 1023 }), { minLength: 1, maxLength: 9 })

describe('ring', () => {
  test('a walk meets each node once, in an order that the order of nodes does not change', () => {
    fc.assert(
      fc.property(someNodes, fc.string(), (indexes, key) => {
        const walk = ringOf(indexes).walk(key)
        expect(walk.toSorted((a, b) => a - b)).toEqual(indexes.toSorted((a, b) => a - b))
        expect(ringOf(indexes.toReversed()).walk(key)).toEqual(walk)
      }),
      { numRuns: 50 },
    )
  })

  test('without one node the others are met in the same order', () => {
    fc.assert(
      fc.property(someNodes, fc.nat(8), fc.string(), (indexes, at, key) => {
        fc.pre(indexes.length > 1)
        const gone = indexes[at % indexes.length]!
        const left = indexes.filter((index) => index !== gone)
        const walk = ringOf(indexes).walk(key)
        expect(ringOf(left).walk(key)).toEqual(walk.filter((index) => index !== gone))
      }),
      { numRuns: 50 },
    )
  })

  test('weight is the number of points: the first of a walk is twice as often the heavier', () => {
    const nodes = [
      { index: 1, weight: 2 },
      { index: 2, weight: 1 },
    ]
    const ring = new HashRing(nodes, 1_000)
    let first = 0
    for (let i = 0; i < 20_000; i++) if (ring.walk(`key ${i}`)[0] === 1) first++
    expect(first / 20_000).toBeGreaterThan(0.6)
    expect(first / 20_000).toBeLessThan(0.73)
  })

  test('points that collide are met lower index first, whatever the order of nodes', () => {
    expect(murmur3('node 255 105', 0)).toBe(murmur3('node 108 108', 0))
    const near = [233, 448, 518].map((number) => `partition ${number}`) // next point: these two
    for (const key of near) {
      expect(ringOf([108, 255]).walk(key)).toEqual([108, 255])
      expect(ringOf([255, 108]).walk(key)).toEqual([108, 255])
    }
  })

  test('golden: walks are frozen', () => {
    expect(ringOf([1, 2, 3, 4, 5]).walk('partition 1')).toMatchInlineSnapshot(`
      [
        4,
        5,
        3,
        2,
        1,
      ]
    `)
    expect(ringOf([1, 2, 3, 4, 5]).walk('partition 64')).toMatchInlineSnapshot(`
      [
        4,
        1,
        3,
        5,
        2,
      ]
    `)
  })
})

test.each([3, 4, 5, 6, 7, 8, 9])(
  '100,000 topics on %i nodes: max/mean under 1.25, owned and held',
  (count) => {
    const members = Array.from({ length: count }, (_, i) => ({ index: i + 1 }))
    const table = assign({ members, partitions: 128, replicationFactor: 3, vnodes: 128 })
    const owned = Array.from({ length: count }, () => 0)
    const held = Array.from({ length: count }, () => 0)
    for (let i = 0; i < 100_000; i++) {
      const { replicas } = placed(table, partitionOf(`grp${i.toString(36)}`, 128))
      owned[replicas[0]! - 1]! += 1
      for (const node of replicas) held[node - 1]! += 1
    }
    expect(Math.max(...owned) / (100_000 / count)).toBeLessThan(1.25)
    expect(Math.max(...held) / (300_000 / count)).toBeLessThan(1.25)
  },
)

describe('table', () => {
  const table: Table = { version: 1, partitions: [{ replicas: [1, 2] }, { replicas: [2, 3] }] }

  test('partitions count from 1', () => {
    expect(placed(table, 1).replicas).toEqual([1, 2])
    expect(partitionsOf(table, 2)).toEqual([1, 2])
    expect(partitionsOf(table, 3)).toEqual([2])
    expect(() => placed(table, 0)).toThrow('RING-2')
    expect(() => placed(table, 3)).toThrow('RING-2')
  })

  test.each([
    ['another version', { ...table, version: 7 }, true],
    [
      'another order',
      { version: 1, partitions: [{ replicas: [2, 1] }, { replicas: [2, 3] }] },
      false,
    ],
    [
      'moved bounds',
      { version: 1, partitions: [{ replicas: [1] }, { replicas: [2, 2, 3] }] },
      false,
    ],
    ['fewer', { version: 1, partitions: [{ replicas: [1, 2] }] }, false],
  ])('hash and comparison see the placement only: %s', (_what, other, same) => {
    expect(samePlacement(table, other)).toBe(same)
    expect(tableHash(table) === tableHash(other)).toBe(same)
    expect(tableHash(other)).toMatch(/^[0-9a-f]{16}$/)
  })
})
