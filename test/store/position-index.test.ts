import { expect, test } from 'vitest'
import { PositionIndex } from '../../src/store/position-index.ts'
import type { Position } from '../../src/store/position-index.ts'

const at = (segment: number): Position => ({ segment, offset: segment * 1_000, bytes: 10 })
const where = (
  index: PositionIndex,
  lo: number,
  hi: number,
): (readonly [number, number, number])[] =>
  [...index.locate(lo, hi)].map(({ from, to, segment }) => [from, to, segment] as const)

test('an append cuts what it overlaps', () => {
  const index = new PositionIndex()
  index.add(1, 5, at(1))
  index.add(3, 4, at(2))
  expect(where(index, 1, 9)).toEqual([
    [1, 2, 1],
    [3, 4, 2],
  ])
  expect([index.last, index.oldestSegment]).toEqual([4, 1])
})

test('what is written again leaves the segments that it was in', () => {
  const index = new PositionIndex()
  index.add(1, 2, at(1))
  index.add(3, 4, at(1))
  index.add(5, 9, at(2))
  index.relocate(1, 4, at(3))
  expect(where(index, 1, 20)).toEqual([
    [1, 4, 3],
    [5, 9, 2],
  ])
  expect(index.oldestSegment).toBe(2)
})

test('what is written again up to the middle of a record leaves the rest of it where it was', () => {
  const index = new PositionIndex()
  index.add(1, 1, at(1))
  index.add(1, 3, at(5)) // overwrote it, while entry 1 was on its way to be written again
  index.relocate(1, 1, at(6))
  expect(where(index, 1, 9)).toEqual([
    [1, 1, 6],
    [2, 3, 5],
  ])
  // Segment 5 must stay: entries 2 and 3 are nowhere else.
  expect(index.oldestSegment).toBe(5)
  expect(index.pinned(5)).toMatchObject({ to: 3 })
})
