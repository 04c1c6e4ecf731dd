import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Latencies, median, quantileOf } from '../../src/cli/bench/latencies.ts'
import { isClean, Ledger } from '../../src/cli/bench/ledger.ts'
import { electionsIn, rise, valueIn } from '../../src/cli/bench/node-metrics.ts'
import { numberInFrame, numberOf, payload } from '../../src/cli/bench/payload.ts'

test('quantiles are right to the width of a bucket', () => {
  const times = fc.array(fc.double({ min: 0.02, max: 60_000, noNaN: true }), {
    minLength: 1,
    maxLength: 200,
  })
  fc.assert(
    fc.property(times, fc.constantFrom(0.5, 0.9, 0.99, 1), (values, share) => {
      const latencies = new Latencies()
      for (const value of values) latencies.add(value)
      const exact = quantileOf(values, share)
      const told = latencies.quantile(share)
      expect(told).toBeGreaterThanOrEqual(exact * 0.979)
      expect(told).toBeLessThanOrEqual(exact * 1.021)
    }),
  )
})

test.for([
  [[3], 3],
  [[1, 9], 5],
  [[9, 1, 4], 4],
] as const)('median of %j is %i', ([values, middle]) => {
  expect(median(values)).toBe(middle)
})

test('a body carries its number through any envelope', () => {
  const numbers = fc.integer({ min: 0, max: 999_999_999 })
  fc.assert(
    fc.property(numbers, fc.integer({ min: 11, max: 2_000 }), fc.string(), (n, bytes, text) => {
      const body = payload(n, bytes)
      expect(body).toHaveLength(bytes)
      expect(numberOf(body)).toBe(n)
      const data = { topic: 'grpX', head: { text }, seq: 7, content: body }
      expect(numberInFrame(Buffer.from(JSON.stringify({ data })))).toBe(n)
    }),
  )
})

test('a frame without a number', () => {
  expect(numberInFrame(Buffer.from('{"data":{"content":"#12x"}}'))).toBe(-1)
  expect(numberInFrame(Buffer.from('{"ctrl":{}}'))).toBe(-1)
})

test.for([
  // acked (number → seq)   history (numbers in order of seq)   verdict
  [
    { 0: 1, 1: 2 },
    [
      [1, 0],
      [2, 1],
    ],
    { acked: 2, lost: 0, dup: 0, misplaced: 0, unackedKept: 0 },
  ],
  [
    { 0: 1, 1: 2 },
    [
      [1, 0],
      [2, 1],
      [3, 2],
    ],
    { acked: 2, lost: 0, dup: 0, misplaced: 0, unackedKept: 1 },
  ],
  [{ 0: 1, 1: 2 }, [[1, 0]], { acked: 2, lost: 1, dup: 0, misplaced: 0, unackedKept: 0 }],
  [
    { 0: 1 },
    [
      [1, 0],
      [2, 0],
    ],
    { acked: 1, lost: 0, dup: 1, misplaced: 0, unackedKept: 0 },
  ],
  [
    { 0: 2 },
    [
      [1, 0],
      [2, 1],
    ],
    { acked: 1, lost: 0, dup: 0, misplaced: 1, unackedKept: 1 },
  ],
  [
    { 0: 1, 1: 3 },
    [
      [1, 0],
      [3, 1],
    ],
    { acked: 2, lost: 0, dup: 0, misplaced: 1, unackedKept: 0 },
  ],
  [
    {},
    [
      [1, 0],
      [2, 0],
    ],
    { acked: 0, lost: 0, dup: 1, misplaced: 0, unackedKept: 1 },
  ],
] as const)('acked %j, history %j', ([acked, history, verdict]) => {
  const ledger = new Ledger('grpX')
  for (const n of [0, 1, 2]) ledger.sent(n)
  for (const [n, seq] of Object.entries(acked)) ledger.acked(Number(n), seq)
  for (const [seq, n] of history) ledger.stored(seq, payload(n, 20))
  expect(ledger.verdict()).toEqual(verdict)
  expect(isClean(verdict)).toBe(verdict.lost + verdict.dup + verdict.misplaced === 0)
})

test('a metric is found by its whole name, whatever labels it has', () => {
  const text = '# TYPE a_total counter\na_total{node="n1"} 3\nb_seconds 0.25\nba_total 9\n'
  expect([valueIn(text, 'a_total'), valueIn(text, 'b_seconds')]).toEqual([3, 0.25])
  expect(valueIn(text, 'total')).toBeNaN()
})

test('elections of a node are told apart, and counted on when it was started again', () => {
  const text = [
    'flotilla_group_elections_total 9',
    'flotilla_group_elections_by_timeout_total{node="n1"} 4',
    'flotilla_group_elections_by_lost_link_total{node="n1"} 3',
    'flotilla_group_elections_by_transfer_total{node="n1"} 2',
  ].join('\n')
  const now = { byTimeout: 4, byLostLink: 3, byTransfer: 2 }
  expect(electionsIn(text)).toEqual(now)
  expect(electionsIn('')).toEqual({ byTimeout: 0, byLostLink: 0, byTransfer: 0 })
  const before = { byTimeout: 4, byLostLink: 1, byTransfer: 0 }
  expect(rise(before, now)).toEqual({ byTimeout: 0, byLostLink: 2, byTransfer: 2 })
  expect(rise({ ...before, byTransfer: 3 }, now)).toEqual(now)
  expect(rise(undefined, now)).toEqual(now)
})
