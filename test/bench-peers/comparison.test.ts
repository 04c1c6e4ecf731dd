import { expect, test } from 'vitest'
import { compare, rangeText, spreadOf } from '../../bench/peers/comparison.ts'
import { remarksOn } from '../../bench/peers/remarks.ts'

const sample = (system: string, setting: number, round: number, rate: number, p99: number) => ({
  system,
  setting,
  round,
  figures: { rate, p99 },
})

test('medians, spreads and ratios, by setting and then by system', () => {
  const samples = [
    sample('flotilla', 64, 0, 100, 5),
    sample('nats', 64, 0, 300, 1),
    sample('nats', 64, 1, 500, 9),
    sample('flotilla', 64, 1, 300, 6),
    sample('flotilla', 64, 2, 200, 4),
    sample('nats', 1, 0, 10, 2),
    sample('nats', 64, 2, 400, 3),
  ]
  expect(compare(samples, ['flotilla', 'etcd', 'nats'], 'rate')).toEqual([
    {
      system: 'nats',
      setting: 1,
      rounds: 1,
      figures: { rate: { median: 10, min: 10, max: 10 }, p99: { median: 2, min: 2, max: 2 } },
      ratio: undefined, // nothing was measured to compare it with
    },
    {
      system: 'flotilla',
      setting: 64,
      rounds: 3,
      figures: { rate: { median: 200, min: 100, max: 300 }, p99: { median: 5, min: 4, max: 6 } },
      ratio: 1,
    },
    {
      system: 'nats',
      setting: 64,
      rounds: 3,
      figures: { rate: { median: 400, min: 300, max: 500 }, p99: { median: 3, min: 1, max: 9 } },
      ratio: 2,
    },
  ])
})

test.for([
  [[7], { median: 7, min: 7, max: 7 }],
  [[9, 1], { median: 5, min: 1, max: 9 }],
  [[3, 30, 10], { median: 10, min: 3, max: 30 }],
] as const)('the spread of %j', ([values, spread]) => {
  expect(spreadOf(values)).toEqual(spread)
})

test.for([
  [1.4, 9_999.4, '1–9999'],
  [9_999, 1_234_567.8, '9999–1,234,568'],
] as const)('the range from %d to %d is %s', ([min, max, text]) => {
  expect(rangeText({ median: min, min, max })).toBe(text)
})

test.for([
  [{ clientCpuPercent: 89, errors: 0 }, ''],
  [{ clientCpuPercent: 97, errors: 0 }, 'the load process was the limit'],
  [
    { clientCpuPercent: 100, errors: 2, missing: 3, disorder: 4 },
    'the load process was the limit, 2 errors, 3 deliveries missing, 4 out of order',
  ],
] as const)('remarks on %j', ([row, remarks]) => {
  expect(remarksOn(row)).toBe(remarks)
})
