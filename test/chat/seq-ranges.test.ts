import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  clipSpans,
  countIds,
  deleteSpans,
  joinSpans,
  wireRanges,
} from '../../src/chat/seq-ranges.ts'
import type { Span } from '../../src/chat/seq-ranges.ts'

const seq = 20
const range = fc.record(
  { low: fc.integer({ min: -1, max: 25 }), hi: fc.integer({ min: 0, max: 28 }) },
  { requiredKeys: ['low'] },
)

/** The same by a set of numbers; null: malformed. */
function twin(ranges: readonly { low: number; hi?: number }[]): Set<number> | null {
  const ids = new Set<number>()
  for (const { low, hi } of ranges) {
    if (low < 1 || low > seq || (hi !== undefined && hi !== 0 && hi <= low)) return null
    const end = hi === undefined || hi === 0 ? low + 1 : hi
    for (let id = low; id < end && id <= seq; id++) ids.add(id)
  }
  return ranges.length === 0 ? null : ids
}

function ids(spans: readonly Span[]): number[] {
  return spans.flatMap(([low, high]) => Array.from({ length: high - low }, (_, i) => low + i))
}

test('a delete request means exactly the union of its ranges', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 5 }), (ranges) => {
      const spans = deleteSpans(ranges, seq)
      const expected = twin(ranges)
      if (spans === null || expected === null) {
        expect(spans).toBe(expected)
        return
      }
      expect(ids(spans)).toEqual([...expected].sort((a, b) => a - b))
      expect(countIds(spans)).toBe(expected.size)
      for (const [i, [low]] of spans.entries()) {
        expect(low).toBeGreaterThan(spans[i - 1]?.[1] ?? 0) // neither overlaps nor touches
      }
      expect(ids(clipSpans(spans, 4, 9))).toEqual(ids(spans).filter((id) => id >= 4 && id < 9))
    }),
  )
})

test.each([
  [
    'one message between two ranges stays',
    [{ low: 1, hi: 3 }, { low: 4 }],
    [
      [1, 3],
      [4, 5],
    ],
  ],
  [
    'overlapping, and more behind',
    [{ low: 1, hi: 4 }, { low: 2, hi: 5 }, { low: 9 }],
    [
      [1, 5],
      [9, 10],
    ],
  ],
  ['beyond the end', [{ low: 19, hi: 100 }], [[19, 21]]],
  ['zero', [{ low: 0, hi: 5 }], null],
  ['past the last', [{ low: 21 }], null],
  ['fractions', [{ low: 1.5 }], null],
  ['nothing', [], null],
])('%s', (_, ranges, spans) => expect(deleteSpans(ranges, seq)).toEqual(spans))

test('many ids are one range or too many', () => {
  expect(deleteSpans([{ low: 1, hi: 5_000 }], 10_000)).toEqual([[1, 5_000]])
  expect(
    deleteSpans(
      [
        { low: 1, hi: 1_000 },
        { low: 2_000, hi: 2_100 },
      ],
      10_000,
    ),
  ).toBeNull()
  expect(
    deleteSpans(
      [
        { low: 1, hi: 1_000 },
        { low: 2_000, hi: 2_025 },
      ],
      10_000,
    ),
  ).not.toBeNull()
  expect(deleteSpans(undefined, 10)).toBeNull()
})

test('on the wire a single number has no hi', () => {
  expect(
    wireRanges(
      joinSpans([
        [3, 4],
        [5, 9],
      ]),
    ),
  ).toEqual([{ low: 3 }, { low: 5, hi: 9 }])
})
