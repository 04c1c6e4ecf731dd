import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RemovedRows } from '../../src/partition/removed-rows.ts'

const keys = fc.array(fc.uint8Array({ minLength: 1, maxLength: 6 }), {
  minLength: 1,
  maxLength: 40,
})

test('the range holds every key that was noted, and begins with the lowest', () => {
  fc.assert(
    fc.property(keys, (noted) => {
      const removed = new RemovedRows()
      for (const key of noted) removed.note(key)
      const { gte, lt } = removed.range
      for (const key of noted) {
        expect(Buffer.compare(gte, key)).toBeLessThanOrEqual(0)
        expect(Buffer.compare(key, lt)).toBeLessThan(0)
      }
      expect(noted.some((key) => Buffer.compare(key, gte) === 0)).toBe(true)
      expect(removed.bytes).toBe(noted.length * 256)
    }),
  )
})

test('asks at once when there is enough, and after a no only when there is as much again', () => {
  const removed = new RemovedRows()
  const key = Uint8Array.of(1)
  const next = (): number => {
    let count = 1
    while (!removed.note(key)) count++
    return count
  }
  expect(next()).toBe(65_536)
  removed.later()
  expect(next()).toBe(65_536)
  expect(removed.bytes).toBe(2 * 65_536 * 256)
})
