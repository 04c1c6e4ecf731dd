import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TimingWheel, WheelEntry } from '../../src/session/timing-wheel.ts'

class Timer extends WheelEntry {
  firedAt: number | null = null
  due = 0
  readonly clock: { now: number }

  constructor(clock: { now: number }) {
    super()
    this.clock = clock
  }

  override fire(): void {
    this.firedAt = this.clock.now
  }
}

describe('with any timers and any pace of the clock', () => {
  test('each fires once, not before its time and at most a tick and a step after it', () => {
    const plan = fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 60 })
    const steps = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 30, maxLength: 60 })
    fc.assert(
      fc.property(plan, steps, (delays, paces) => {
        const clock = { now: 1_000 }
        const wheel = new TimingWheel(10, 16, clock.now)
        const timers = delays.map((delay) => {
          const timer = new Timer(clock)
          timer.due = clock.now + delay
          wheel.schedule(timer, timer.due)
          return timer
        })
        expect(wheel.size).toBe(timers.length)
        for (const pace of paces) {
          const before = clock.now
          clock.now += pace
          wheel.advance(clock.now)
          for (const timer of timers) {
            if (timer.firedAt === null) expect(timer.due + 10).toBeGreaterThan(clock.now - 10)
            else {
              expect(timer.firedAt).toBeGreaterThanOrEqual(timer.due)
              if (timer.firedAt === clock.now) expect(timer.due + 20).toBeGreaterThan(before)
            }
          }
        }
        expect(wheel.size).toBe(timers.filter((timer) => timer.firedAt === null).length)
      }),
      { numRuns: 40 },
    )
  })
})

test('cancelled and moved timers', () => {
  const clock = { now: 0 }
  const wheel = new TimingWheel(100, 8, 0)
  const [cancelled, moved] = [new Timer(clock), new Timer(clock)]
  wheel.schedule(cancelled, 300)
  wheel.schedule(moved, 300)
  wheel.cancel(cancelled)
  wheel.cancel(cancelled)
  wheel.schedule(moved, 2_000)
  expect(wheel.size).toBe(1)
  for (clock.now = 0; clock.now < 3_000; clock.now += 100) wheel.advance(clock.now)
  expect(cancelled.firedAt).toBeNull()
  expect(moved.firedAt).toBe(2_000)
})

test('a timer that sets itself again, and one that cancels its neighbour of the same slot', () => {
  const clock = { now: 0 }
  const wheel = new TimingWheel(100, 8, 0)
  let times = 0
  const again = new (class extends WheelEntry {
    override fire(): void {
      times++
      wheel.schedule(this, clock.now + 100)
    }
  })()
  const victim = new Timer(clock)
  const killer = new (class extends WheelEntry {
    override fire(): void {
      wheel.cancel(victim)
    }
  })()
  wheel.schedule(again, 100)
  wheel.schedule(killer, 500)
  wheel.schedule(victim, 500)
  for (clock.now = 100; clock.now <= 1_000; clock.now += 100) wheel.advance(clock.now)
  expect(times).toBe(10)
  expect(victim.firedAt).toBeNull()
  expect(wheel.size).toBe(1)
})

test('after a stall of many rounds everything due fires, once', () => {
  const clock = { now: 0 }
  const wheel = new TimingWheel(10, 8, 0)
  const timers = Array.from({ length: 100 }, (_, i) => {
    const timer = new Timer(clock)
    wheel.schedule(timer, i * 7)
    return timer
  })
  clock.now = 1_000_000
  wheel.advance(clock.now)
  expect(timers.every((timer) => timer.firedAt === clock.now)).toBe(true)
  expect(wheel.size).toBe(0)
})

test('(SESSION-1) slots are a power of two', () => {
  expect(() => new TimingWheel(10, 12, 0)).toThrow('SESSION-1')
})

test('a million timers: inserting and cancelling cost what they cost with a thousand', () => {
  const clock = { now: 0 }
  const perOperation = (count: number): number => {
    const wheel = new TimingWheel(100, 1_024, 0)
    const timers = Array.from({ length: count }, () => new WheelEntry())
    const began = performance.now()
    for (const [i, timer] of timers.entries()) wheel.schedule(timer, (i * 37) % 100_000)
    for (const timer of timers) wheel.cancel(timer)
    const spent = performance.now() - began
    expect(wheel.size).toBe(0)
    return spent / count
  }
  perOperation(10_000) // warm
  const few = Math.max(perOperation(10_000), 0.000_05)
  const many = perOperation(1_000_000)
  // A wheel that were O(log n) or O(n) would be far outside; caches make up to 10 of it.
  expect(many).toBeLessThan(few * 50)
  expect(clock.now).toBe(0)
})
