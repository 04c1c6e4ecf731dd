import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Timers } from '../../src/ports.ts'
import { realRandom, realSystem } from '../../src/node/system.ts'

const thrown: unknown[] = []
let timers: Timers

beforeEach(() => {
  thrown.length = 0
  timers = realSystem((error) => thrown.push(error)).timers
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

test('after runs once, unless cancelled', () => {
  const ran: string[] = []
  timers.after(10, () => ran.push('a'))
  const cancel = timers.after(10, () => ran.push('b'))
  cancel()
  cancel()
  vi.advanceTimersByTime(50)
  expect(ran).toEqual(['a'])
})

test('every keeps its pace, and stops when cancelled, also from inside', () => {
  let runs = 0
  const cancel = timers.every(10, () => {
    if (++runs === 5) cancel()
  })
  vi.advanceTimersByTime(39)
  expect(runs).toBe(3)
  vi.advanceTimersByTime(1_000)
  expect(runs).toBe(5)
})

test('every runs once after a stall, and then in its pace again', async () => {
  vi.useRealTimers()
  const at: number[] = []
  await new Promise<void>((resolve) => {
    const cancel = timers.every(10, () => {
      at.push(performance.now())
      while (at.length === 1 && performance.now() < at[0]! + 70); // the event loop stands still
      if (at.length < 5) return
      cancel()
      resolve()
    })
  })
  const gaps = at.slice(1).map((time, i) => time - at[i]!)
  expect(gaps[0]).toBeGreaterThanOrEqual(70)
  // Seven runs were missed and one made up for them: the three behind it do not come at once.
  expect(at[4]! - at[1]!).toBeGreaterThan(15)
})

test('soon runs in order, and what a task asks for in the same turn', async () => {
  vi.useRealTimers()
  const ran: number[] = []
  timers.soon(() => {
    ran.push(1)
    timers.soon(() => ran.push(3))
  })
  timers.soon(() => ran.push(2))
  expect(ran).toEqual([])
  await new Promise((resolve) => setImmediate(resolve))
  expect(ran).toEqual([1, 2, 3])
})

test('tasks that keep asking for more do not keep the event loop', async () => {
  vi.useRealTimers()
  let runs = 0
  let stop = false
  const again = () => {
    runs++
    if (!stop) timers.soon(again)
  }
  timers.soon(again)
  await new Promise((resolve) => setImmediate(resolve)) // never came, were the batch not bounded
  stop = true
  expect(runs).toBeGreaterThan(1)
})

test('what a task throws is told, and the rest of the batch still runs', () => {
  const ran: number[] = []
  timers.soon(() => {
    throw new Error('bug')
  })
  timers.soon(() => ran.push(1))
  vi.advanceTimersToNextTimer()
  expect(ran).toEqual([1])
  expect(thrown).toEqual([new Error('bug')])
})

test('below stays below', () => {
  const seen = new Set(Array.from({ length: 200 }, () => realRandom.below(3)))
  expect(seen).toEqual(new Set([0, 1, 2]))
})
