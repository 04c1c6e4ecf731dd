import { expect, test } from 'vitest'
import { Generator } from '../../jepsen-lite/generator.ts'
import { Prng } from '../../jepsen-lite/prng.ts'

test.for([
  [100, 4, 0, 50],
  [1_000, 50, 0.25, 500],
  [20, 1, 0.5, 2_000],
] as const)(
  'rate %i over %i lanes, idle share %f: the mean rate and the mix are kept',
  ([rate, lanes, idleShare, idleMs]) => {
    const generator = new Generator({
      prng: new Prng(7),
      rate,
      lanes,
      mix: { read: 3, write: 1 },
      idleShare,
      idleMs,
      now: null,
    })
    const counts = { read: 0, write: 0, idle: 0 }
    let ms = 0
    for (let i = 0; i < 200_000; i++) {
      const step = generator.next()
      counts[step.kind]++
      ms += step.after
    }
    const perSecond = ((counts.read + counts.write) / ms) * 1000 * lanes
    expect(perSecond / rate).toBeGreaterThan(0.9)
    expect(perSecond / rate).toBeLessThan(1.1)
    expect(counts.read / counts.write).toBeCloseTo(3, 0)
    expect(counts.idle > 0).toBe(idleShare > 0)
  },
)

test('an empty mix is refused', () => {
  const options = { prng: new Prng(7), rate: 1, lanes: 1, idleShare: 0, idleMs: 0 }
  expect(() => new Generator({ ...options, mix: {} })).toThrow(/empty/)
})

test('with a clock, the time that operations take does not lower the rate, and a backlog is bounded', () => {
  let now = 0
  const generator = new Generator({
    prng: new Prng(7),
    rate: 100,
    lanes: 1,
    mix: { read: 1 },
    idleShare: 0,
    idleMs: 0,
    now: () => now,
  })
  const takes = (ms: number, operations: number): number => {
    const from = now
    for (let i = 0; i < operations; i++) now += generator.next().after + ms
    return (operations / (now - from)) * 1000
  }
  expect(takes(5, 20_000)).toBeCloseTo(100, -1)
  expect(takes(20, 1_000)).toBeCloseTo(50, 0)
  const from = now
  for (let i = 0; i < 200; i++) now += generator.next().after
  // The backlog of 20 s is not made up for: 500 ms of it at most.
  expect(now - from).toBeGreaterThan(1_000)
})
