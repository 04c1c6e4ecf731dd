import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { balance } from '../../src/ring/balance.ts'
import type { Balance } from '../../src/ring/balance.ts'
import { fairShares, zoneLimit } from '../../src/ring/fair-share.ts'

const free: Pick<Balance, 'allows' | 'rank'> = {
  allows: () => true,
  rank: (partition, place) => (partition + place) % 7,
}

describe('balance', () => {
  test('displaces through others when there is no direct way', () => {
    // Partition 0 may only be on place 0, which partition 1 holds; 1 has to give way to 1 or 2.
    const held = [[], [0], [1]]
    balance({
      places: 3,
      slots: 1,
      floor: [1, 1, 1],
      cap: [1, 1, 1],
      held,
      allows: (partition, place) => partition !== 0 || place === 0,
      rank: free.rank,
    })
    expect(held).toEqual([[0], [2], [1]])
  })

  test('what was placed before stays, also when moving what is new takes more hops', () => {
    const may = [
      [0, 3],
      [1, 2],
      [2, 3],
      [0, 1],
    ]
    const held = [[0], [], [], []]
    balance({
      places: 4,
      slots: 1,
      floor: [1, 1, 1, 1],
      cap: [1, 1, 1, 1],
      held,
      allows: (partition, place) => may[partition]!.includes(place),
      rank: (_partition, place) => place,
    })
    expect(held).toEqual([[0], [2], [3], [1]])
  })

  test('RING-4: bounds that cannot be met are noticed', () => {
    const held = [[], [], []]
    const input = { places: 2, slots: 1, floor: [0, 0], cap: [1, 1], held, ...free }
    expect(() => balance(input)).toThrow('RING-4')
  })

  test('RING-5: a rule that changes its mind is noticed', () => {
    let asked = 0
    const input: Balance = {
      places: 2,
      slots: 1,
      floor: [1, 1],
      cap: [1, 1],
      held: [[0], [0]],
      allows: () => asked++ === 0,
      rank: free.rank,
    }
    expect(() => balance(input)).toThrow('RING-5')
  })
})

describe('fair shares', () => {
  const place = fc.record({
    zone: fc.constantFrom('a', 'b', 'c', 'd'),
    weight: fc.constantFrom(0.5, 1, 1, 2, 10),
  })

  test('add up, exceed neither node nor zone, and one level serves all that are not full', () => {
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 12 }), fc.nat(4), (places, more) => {
        const slots = Math.min(more + 1, places.length)
        const limit = zoneLimit(places, slots)
        const shares = fairShares(places, { partitions: 64, slots, limit })
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(64 * slots, 4)
        const levels: number[] = []
        for (const zone of new Set(places.map((it) => it.zone))) {
          const members = places.flatMap((it, at) => (it.zone === zone ? [at] : []))
          const held = members.reduce((sum, at) => sum + shares[at]!, 0)
          const room = 64 * Math.min(limit, members.length)
          expect(held).toBeLessThanOrEqual(room + 1e-4)
          for (const at of members) {
            expect(shares[at]!).toBeLessThanOrEqual(64 + 1e-4)
            const isOpen = shares[at]! < 64 - 1e-4 && held < room - 1e-4
            if (isOpen) levels.push(shares[at]! / places[at]!.weight)
          }
        }
        if (levels.length > 0) expect(Math.max(...levels)).toBeCloseTo(Math.min(...levels), 4)
      }),
    )
  })

  test.each([
    [
      [1e20, 1, 1],
      [64, 32, 32],
    ],
    [
      [1, 1e20, 3],
      [16, 64, 48],
    ],
    [
      [1e300, 1e300, 1],
      [64, 64, 0],
    ],
  ])('weights %j, two replicas: no weight is lost in rounding', (weights, wanted) => {
    const places = weights.map((weight, at) => ({ zone: `zone ${at}`, weight }))
    const shares = fairShares(places, { partitions: 64, slots: 2, limit: 1 })
    shares.forEach((share, at) => expect(share).toBeCloseTo(wanted[at]!, 6))
  })

  test.each([
    [['a', 'b', 'c'], 3, 1],
    [['a', 'a', 'b'], 3, 2],
    [['a', 'b', 'b', 'b', 'b'], 5, 4],
    [['a', 'a', 'a'], 1, 1],
  ])('zones %j for %i replicas: %i in one', (zones, slots, limit) => {
    expect(
      zoneLimit(
        zones.map((zone) => ({ zone, weight: 1 })),
        slots,
      ),
    ).toBe(limit)
  })
})
