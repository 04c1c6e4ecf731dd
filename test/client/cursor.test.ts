import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BrokenInvariant } from '../../src/assert.ts'
import { Cursor } from '../../src/client/cursor.ts'
import { Reconnect } from '../../src/client/reconnect.ts'

function cursor(since: number | null) {
  const seen: number[] = []
  const made = new Cursor<number>(since, (seq) => void seen.push(seq))
  return {
    seen,
    cursor: made,
    arrive: (...seqs: number[]) => seqs.forEach((s) => made.arrived(s, s)),
  }
}

describe('a cursor', () => {
  test('live from the attach on: starts at the first message, fills what a break lost', () => {
    const { seen, cursor: c, arrive } = cursor(null)
    c.attached(41)
    expect(c.missing()).toBeNull()
    arrive(42, 43)
    c.attached(46)
    expect(c.missing()).toEqual({ since: 44, before: 47 })
    arrive(46, 45)
    expect(c.missing()).toEqual({ since: 44, before: 45 })
    arrive(44)
    expect(c.missing()).toBeNull()
    expect(seen).toEqual([42, 43, 44, 45, 46])
  })

  test('what came between a first attach without messages and the next is fetched', () => {
    const { seen, cursor: c, arrive } = cursor(null)
    c.attached(10)
    c.attached(12)
    expect(c.missing()).toEqual({ since: 11, before: 13 })
    arrive(12, 11)
    expect(seen).toEqual([11, 12])
  })

  test('a first live message above the known seq shows a hole', () => {
    const { seen, cursor: c, arrive } = cursor(null)
    c.attached(10)
    arrive(12)
    expect([seen, c.missing()]).toEqual([[], { since: 11, before: 12 }])
  })

  test('live messages may come before the topic tells its seq', () => {
    const { seen, cursor: c, arrive } = cursor(null)
    arrive(7)
    c.attached(7)
    arrive(7, 8)
    expect([seen, c.missing()]).toEqual([[7, 8], null])
  })

  test('from a given seq, by pages; deleted messages are passed over', () => {
    const { seen, cursor: c, arrive } = cursor(3)
    c.attached(250)
    const first = c.missing()
    expect(first).toEqual({ since: 3, before: 103 })
    arrive(99, 50, 4)
    c.fetched(first as { since: number; before: number })
    expect(seen).toEqual([4, 50, 99])
    expect(c.missing()).toEqual({ since: 103, before: 203 })
    expect(c.last).toBe(102)
  })

  test('deleted numbers that the server names are passed over, in their place', () => {
    const { seen, cursor: c, arrive } = cursor(1)
    c.resumed(9)
    c.deleted(3, 5)
    c.deleted(8, 9)
    expect(c.missing()).toEqual({ since: 1, before: 3 })
    arrive(1, 2, 5, 6, 7)
    expect([seen, c.last, c.missing()]).toEqual([[1, 2, 5, 6, 7], 8, null])
    arrive(9)
    expect(seen.at(-1)).toBe(9)
  })

  test('resumed: what waited behind a hole comes again, and nothing is asked for', () => {
    const { seen, cursor: c, arrive } = cursor(1)
    c.attached(20)
    arrive(1, 2, 7, 8)
    expect([c.place, c.missing()]).toEqual([2, { since: 3, before: 7 }])
    c.resumed(20)
    expect(c.missing()).toBeNull()
    arrive(...Array.from({ length: 18 }, (_, i) => i + 3))
    expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
  })

  test('resumed where nothing came yet: from the seq of the first attach; of a new life, from there', () => {
    const { seen, cursor: c, arrive } = cursor(null)
    expect(c.place).toBeNull()
    c.attached(41)
    expect(c.place).toBe(41)
    c.resumed(44)
    arrive(42, 43, 44)
    c.resumed(3)
    expect(c.place).toBe(3)
    arrive(4)
    expect(seen).toEqual([42, 43, 44, 4])
  })

  test('CLIENT-2: a span that skips something is never taken as fetched', () => {
    const { cursor: c } = cursor(1)
    c.attached(9)
    expect(() => c.fetched({ since: 5, before: 9 })).toThrow(BrokenInvariant)
  })

  test('whatever order, losses, repeats and deletions: each existing seq once, rising', () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constant('live' as const), lost: fc.boolean(), again: fc.boolean() }),
      fc.constant({ kind: 'reconnect' as const }),
      fc.record({ kind: fc.constant('delete' as const), at: fc.nat(200) }),
      fc.constant({ kind: 'fetch' as const }),
    )
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(event, { maxLength: 300 }),
        (since, events) => {
          const { seen, cursor: c, arrive } = cursor(since)
          const stored = new Set<number>()
          let top = 0
          const fetch = () => {
            const span = c.missing()
            if (span === null) return false
            for (let s = span.before - 1; s >= span.since; s--) if (stored.has(s)) arrive(s)
            c.fetched(span)
            return true
          }
          for (const e of events) {
            if (e.kind === 'live') {
              stored.add(++top)
              if (!e.lost) arrive(top)
              if (e.again && !e.lost) arrive(top)
            } else if (e.kind === 'reconnect') c.attached(top)
            else if (e.kind === 'fetch') fetch()
            else stored.delete(1 + (e.at % (top + 1)))
          }
          c.attached(top)
          while (fetch());
          for (let n = 1; n < seen.length; n++) {
            expect(seen[n]).toBeGreaterThan(seen[n - 1] as number)
          }
          const shown = new Set(seen)
          for (const seq of stored) expect(shown.has(seq)).toBe(seq >= since)
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('where to connect next', () => {
  const noJitter = { below: () => 0 }

  test('the first round is quick, later rounds double up to the bound', () => {
    const reconnect = new Reconnect(['a', 'b'], { minMs: 100, maxMs: 500 }, noJitter)
    const attempts = Array.from({ length: 10 }, () => reconnect.next())
    expect(attempts.map(({ address }) => address).join('')).toBe('ababababab')
    expect(attempts.map(({ waitMs }) => waitMs)).toEqual([
      0, 0, 100, 100, 200, 200, 400, 400, 500, 500,
    ])
    reconnect.succeeded()
    expect(reconnect.next().waitMs).toBe(0)
  })

  test('jitter stays within half a pause; the first address is drawn', () => {
    const most = { below: (bound: number) => bound - 1 }
    const reconnect = new Reconnect(['a', 'b', 'c'], { minMs: 100, maxMs: 500 }, most)
    expect(reconnect.next()).toEqual({ address: 'c', waitMs: 50 })
    reconnect.next()
    reconnect.next()
    expect(reconnect.next()).toEqual({ address: 'c', waitMs: 50 })
  })

  test('CLIENT-1: without addresses there is no client', () => {
    expect(() => new Reconnect([], { minMs: 1, maxMs: 2 }, noJitter)).toThrow(BrokenInvariant)
  })
})
