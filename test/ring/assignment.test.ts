import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assign } from '../../src/ring/assignment.ts'
import type { RingMember } from '../../src/ring/assignment.ts'
import { defaultVirtualNodes } from '../../src/ring/hash-ring.ts'
import { tableHash } from '../../src/ring/table.ts'
import type { Table } from '../../src/ring/table.ts'

const vnodes = defaultVirtualNodes

interface Shape {
  partitions?: number
  replicationFactor?: number
  previous?: Table
}

function place(members: readonly RingMember[], shape: Shape = {}): Table {
  return assign({ members, partitions: 64, replicationFactor: 3, vnodes, ...shape })
}

function nodes(count: number, from = 1): RingMember[] {
  return Array.from({ length: count }, (_, i) => ({ index: from + i }))
}

function counts(table: Table, members: readonly RingMember[]): { held: number[]; led: number[] } {
  const of = (pick: (replicas: readonly number[], index: number) => boolean): number[] =>
    members.map((it) => table.partitions.filter((p) => pick(p.replicas, it.index)).length)
  return {
    held: of((replicas, index) => replicas.includes(index)),
    led: of((replicas, index) => replicas[0] === index),
  }
}

/** What has to be copied: replicas that were not there before. */
function arrivals(from: Table, to: Table): { partition: number; node: number }[] {
  return to.partitions.flatMap(({ replicas }, at) =>
    replicas
      .filter((node) => !from.partitions[at]!.replicas.includes(node))
      .map((node) => ({ partition: at + 1, node })),
  )
}

/** What every table must be, whatever the input. */
function check(table: Table, members: readonly RingMember[], factor: number): void {
  const able = members.filter((member) => (member.weight ?? 1) > 0)
  const zones = new Set(able.map((member) => member.zone ?? member.index))
  for (const { replicas } of table.partitions) {
    expect(replicas.length).toBe(Math.min(factor, able.length))
    expect(new Set(replicas).size).toBe(replicas.length)
    const used = new Set(
      replicas.map((index) => {
        const member = able.find((it) => it.index === index)
        return member!.zone ?? member!.index
      }),
    )
    if (zones.size >= replicas.length) expect(used.size).toBe(replicas.length)
  }
}

describe('bounds', () => {
  const sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((n) => [64, 128, 256].map((p) => [n, p]))

  test.each(sizes)('%i nodes, %i partitions: no node above 1.25 × mean', (count, partitions) => {
    const members = nodes(count)
    for (const replicationFactor of [1, 2, 3, 5]) {
      const table = place(members, { partitions, replicationFactor })
      check(table, members, replicationFactor)
      const { held, led } = counts(table, members)
      const factor = Math.min(replicationFactor, count)
      expect(Math.max(...held)).toBeLessThanOrEqual((1.25 * partitions * factor) / count)
      expect(Math.max(...led)).toBeLessThanOrEqual((1.25 * partitions) / count)
      expect(Math.max(...held) - Math.min(...held)).toBeLessThanOrEqual(2)
    }
  })

  test('more nodes than partitions', () => {
    const members = nodes(100)
    const table = place(members, { partitions: 16 })
    check(table, members, 3)
    expect(Math.max(...counts(table, members).held)).toBe(1)
  })
})

describe('determinism', () => {
  test('the order of the members does not matter, nor does asking twice', () => {
    const members = fc.uniqueArray(
      fc.record({
        index: fc.integer({ min: 1, max: 1023 }),
        zone: fc.constantFrom('a', 'b', 'c', 'd'),
      }),
      { selector: (member) => member.index, minLength: 1, maxLength: 9 },
    )
    const shuffled = members.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    )
    fc.assert(
      fc.property(shuffled, ([list, other]) => {
        const table = place(list)
        expect(place(other)).toEqual(table)
        expect(place(other, { previous: table })).toBe(table)
      }),
      { numRuns: 40 },
    )
  })

  test('golden: three, five and nine nodes', () => {
    expect([3, 5, 9].map((count) => tableHash(place(nodes(count))))).toMatchInlineSnapshot(`
      [
        "a84925e4d4ee5906",
        "c9f44d92c2eac8dd",
        "b83ae718973c838b",
      ]
    `)
  })
})

describe('movement', () => {
  test.each([
    [3, 64],
    [3, 128],
    [3, 256],
    [4, 64],
    [5, 128],
    [8, 256],
    [8, 64],
  ])('%i nodes and one more, %i partitions: only to the new node', (count, partitions) => {
    const before = place(nodes(count), { partitions })
    const after = place(nodes(count + 1), { partitions, previous: before })
    const moved = arrivals(before, after)
    expect(moved.every(({ node }) => node === count + 1)).toBe(true)
    const share = moved.length / (partitions * 3)
    expect(share).toBeGreaterThan(1 / (count + 1) - 0.05)
    expect(share).toBeLessThan(1 / (count + 1) + 0.05)
    expect(after.version).toBe(before.version + 1)
  })

  test.each([
    [4, 64],
    [5, 64],
    [5, 256],
    [9, 128],
  ])('%i nodes and one less, %i partitions: only what it held', (count, partitions) => {
    const before = place(nodes(count), { partitions })
    for (const gone of [1, 2, count]) {
      const members = nodes(count).filter((member) => member.index !== gone)
      const after = place(members, { partitions, previous: before })
      check(after, members, 3)
      expect(arrivals(before, after).length).toBe(counts(before, [{ index: gone }]).held[0])
    }
  })

  test('a replaced node: the new one takes over what the old one held, as far as shares allow', () => {
    const before = place(nodes(5))
    const members = nodes(5, 2)
    const after = place(members, { previous: before })
    check(after, members, 3)
    expect(arrivals(before, after).length).toBeLessThanOrEqual(64 * (3 / 5) * 1.2)
  })

  test('a draining node (weight 0) loses everything, and coming back costs its share', () => {
    const before = place(nodes(4))
    const draining = nodes(4).map((it) => (it.index === 2 ? { ...it, weight: 0 } : it))
    const drained = place(draining, { previous: before })
    expect(counts(drained, nodes(4)).held[1]).toBe(0)
    expect(arrivals(before, drained).length).toBe(48)
    const back = place(nodes(4), { previous: drained })
    expect(arrivals(drained, back).length).toBe(48)
  })

  test('through any history of joins, leaves and zones the table keeps its shape', () => {
    const step = fc.record({
      index: fc.integer({ min: 1, max: 12 }),
      zone: fc.constantFrom(undefined, 'a', 'b', 'c', 'd'),
    })
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 15 }),
        fc.constantFrom(1, 2, 3, 5),
        (steps, replicationFactor) => {
          const members = new Map<number, RingMember>([[20, { index: 20 }]])
          let table: Table | undefined
          for (const { index, zone } of steps) {
            if (!members.delete(index)) members.set(index, zone ? { index, zone } : { index })
            const list = [...members.values()]
            const shape = table ? { replicationFactor, previous: table } : { replicationFactor }
            table = place(list, shape)
            check(table, list, replicationFactor)
            if (list.every((member) => member.zone === undefined)) {
              const { held, led } = counts(table, list)
              const mean = (64 * Math.min(replicationFactor, list.length)) / list.length
              expect(Math.max(...held)).toBeLessThanOrEqual(Math.ceil(mean))
              expect(Math.min(...held)).toBeGreaterThanOrEqual(Math.floor(mean))
              expect(Math.max(...led)).toBeLessThanOrEqual((1.25 * 64) / list.length)
            }
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('zones and weights', () => {
  test.each([
    [['a', 'b', 'c'], 1],
    [['a', 'a', 'b', 'b', 'c', 'c'], 1],
    [['a', 'a', 'a', 'b', 'c'], 1],
    [['a', 'a', 'a', 'b', 'b'], 2],
    [['a', 'a', 'a', 'a'], 3],
  ])('zones %j: at most %i replicas of a partition in one', (zones, most) => {
    const members = zones.map((zone, i) => ({ index: i + 1, zone }))
    const table = place(members)
    for (const { replicas } of table.partitions) {
      for (const zone of zones) {
        expect(replicas.filter((it) => zones[it - 1] === zone).length).toBeLessThanOrEqual(most)
      }
    }
    const { held } = counts(table, members)
    if (new Set(zones.map((zone) => zones.filter((it) => it === zone).length)).size === 1) {
      expect(Math.max(...held)).toBeLessThanOrEqual(Math.ceil(192 / zones.length))
    }
  })

  test('zones go before evenness: a lone node in its zone holds everything', () => {
    const members = ['a', 'a', 'a', 'b', 'c'].map((zone, i) => ({ index: i + 1, zone }))
    expect(counts(place(members), members).held).toEqual([22, 21, 21, 64, 64])
  })

  test('a node of twice the weight holds twice as much', () => {
    const members = [{ index: 1, weight: 2 }, ...nodes(6, 2)]
    const { held, led } = counts(place(members), members)
    expect(held).toEqual([48, 24, 24, 24, 24, 24, 24])
    expect(led[0]).toBe(16)
  })

  test('no weight gives more than one replica of each partition', () => {
    const members = [{ index: 1, weight: 100 }, ...nodes(3, 2)]
    expect(counts(place(members), members).held[0]).toBe(64)
  })
})

describe('what cannot be', () => {
  const table = place(nodes(3))
  test.each([
    [
      'RING-1',
      () => assign({ members: nodes(1), partitions: 64, replicationFactor: 3, vnodes: 0 }),
    ],
    ['RING-3', () => place(nodes(3), { partitions: 128, previous: table })],
    ['RING-6', () => place([])],
    ['RING-6', () => place([{ index: 1, weight: 0 }])],
    ['RING-6', () => place([{ index: 1 }, { index: 1 }])],
    ['RING-6', () => place([{ index: 1024 }])],
    ['RING-6', () => place([{ index: 1, weight: Number.NaN }])],
    ['RING-7', () => place(nodes(3), { partitions: 63 })],
    ['RING-7', () => place(nodes(3), { replicationFactor: 0 })],
  ])('%s', (id, attempt) => {
    expect(attempt).toThrow(id)
  })
})
