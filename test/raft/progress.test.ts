import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Inflights } from '../../src/raft/inflights.ts'
import { Progress } from '../../src/raft/progress.ts'

test('the window keeps what a list would keep, in messages and in bytes', () => {
  const act = fc.oneof(
    { weight: 12, arbitrary: fc.record({ add: fc.integer({ min: 0, max: 5 }) }) },
    { weight: 2, arbitrary: fc.record({ freeTo: fc.integer({ min: 0, max: 40 }) }) },
    { weight: 2, arbitrary: fc.constant({ first: true }) },
    { weight: 1, arbitrary: fc.constant({ reset: true }) },
    { weight: 1, arbitrary: fc.constant({ narrow: true }) },
  )
  fc.assert(
    fc.property(fc.array(act, { maxLength: 80, size: 'max' }), (sequence) => {
      const window = new Inflights(20, 60)
      let twin: { index: number; bytes: number }[] = []
      let index = 0
      let allowed = 20
      for (const one of sequence as {
        add?: number
        freeTo?: number
        first?: true
        reset?: true
        narrow?: true
      }[]) {
        if (one.add !== undefined) {
          if (window.isFull) continue
          window.add(++index, one.add)
          twin.push({ index, bytes: one.add })
        } else if (one.freeTo !== undefined) {
          const { freeTo } = one
          window.freeTo(freeTo)
          const left = twin.filter((sent) => sent.index > freeTo)
          allowed = Math.min(20, allowed + twin.length - left.length)
          twin = left
        } else if (one.first) {
          window.freeFirst()
          twin.shift()
        } else if (one.narrow) {
          window.narrow()
          allowed = Math.max(1, Math.floor(twin.length / 2))
        } else {
          window.reset()
          twin = []
        }
        const bytes = twin.reduce((sum, sent) => sum + sent.bytes, 0)
        expect(window.count).toBe(twin.length)
        expect(window.bytes).toBe(bytes)
        expect(window.allowed).toBe(allowed)
        expect(window.isFull).toBe(twin.length >= allowed || bytes >= 60)
      }
    }),
  )
})

function progress(next: number): Progress {
  return new Progress(2, next, false, new Inflights(2, 100))
}

test.for([
  // next  rejected  hint  taken  next afterwards
  [10, 9, 8, true, 9],
  [10, 9, 3, true, 4],
  [10, 9, 20, true, 9],
  [10, 8, 3, false, 10],
  [1, 0, 0, true, 1],
] as const)(
  'probing at %i, refused at %i with hint %i: taken %s, next %i',
  ([next, rejected, hint, isTaken, after]) => {
    const peer = progress(next)
    peer.probeSent = true
    expect(peer.refuse(rejected, hint)).toBe(isTaken)
    expect(peer.next).toBe(after)
    expect(peer.probeSent).toBe(!isTaken)
  },
)

test('a refusal never moves next to or below match (pitfall 42)', () => {
  const number = fc.integer({ min: 0, max: 20 })
  fc.assert(
    fc.property(number, number, number, fc.boolean(), (match, rejected, hint, isPipelined) => {
      const peer = progress(match + 5)
      peer.acknowledge(match)
      if (isPipelined) peer.becomeReplicate()
      peer.refuse(rejected, hint)
      expect(peer.next).toBeGreaterThan(peer.match)
    }),
  )
})

test('while a snapshot is on its way a refusal says nothing', () => {
  const peer = progress(5)
  peer.becomeSnapshot(9)
  expect(peer.isPaused).toBe(true)
  expect(peer.refuse(9, 3)).toBe(false)
  peer.becomeProbe()
  expect(peer.next).toBe(10)
})

test('a failed snapshot starts over from what is known', () => {
  const peer = progress(5)
  peer.acknowledge(3)
  peer.becomeSnapshot(9)
  peer.pendingSnapshot = 0
  peer.becomeProbe()
  expect(peer.next).toBe(4)
})

test('every change of state empties the window in messages and bytes (pitfall 48)', () => {
  const peer = progress(1)
  peer.becomeReplicate()
  peer.sent(1, 60, 0)
  peer.sent(1, 60, 0)
  expect(peer.isPaused).toBe(true)
  for (const change of ['becomeProbe', 'becomeReplicate'] as const) {
    peer[change]()
    expect([peer.inflights.count, peer.inflights.bytes]).toEqual([0, 0])
    peer.becomeReplicate()
    peer.sent(1, 60, 0)
  }
})

test('an old acknowledgement changes nothing', () => {
  const peer = progress(1)
  expect(peer.acknowledge(4)).toBe(true)
  expect(peer.acknowledge(4)).toBe(false)
  expect(peer.acknowledge(2)).toBe(false)
  expect([peer.match, peer.next]).toEqual([4, 5])
})
