import { describe, expect, test } from 'vitest'
import { message } from '../../src/raft/message.ts'
import { Prng } from '../../jepsen-lite/prng.ts'
import { Counts } from '../../jepsen-lite/simulation/counts.ts'
import { EventQueue } from '../../jepsen-lite/simulation/event-queue.ts'
import { Network } from '../../jepsen-lite/simulation/network.ts'
import type { NetworkPlan } from '../../jepsen-lite/simulation/plan.ts'
import { drawPlan } from '../../jepsen-lite/simulation/plan.ts'
import { runSeed } from '../../jepsen-lite/simulation/run-seed.ts'

const quiet: NetworkPlan = {
  ...drawPlan(1).network,
  minMs: 0,
  meanMs: 50,
  loss: 0,
  duplicate: 0,
  replay: 0,
  keepsOrder: true,
  capacity: Infinity,
}

/** Indexes in the order of arrival; two hundred messages leave over 20 ms. */
function arrivals(plan: NetworkPlan, cutAt = Infinity): number[] {
  const queue = new EventQueue(new Prng('order'))
  const seen: number[] = []
  const network = new Network(plan, new Prng('network'), queue, new Counts(), ({ index }) => {
    seen.push(index)
  })
  for (let index = 1; index <= 200; index++) {
    queue.after(index / 10, () => network.send(message('append', { from: 1, to: 2, index })))
  }
  queue.after(cutAt, () => network.cut(1, 2))
  queue.after(cutAt + 5.15, () => network.mend(1, 2))
  for (let task = queue.next(10_000); task !== null; task = queue.next(10_000)) task()
  return seen
}

describe('a link', () => {
  test('keeps the order of messages that arrive at one time', () => {
    expect(arrivals(quiet)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
  })

  test('keeps the order of what a cut lets through', () => {
    const seen = arrivals({ ...quiet, meanMs: 1 }, 10)
    const late = seen.filter((index) => index > 100)
    expect(late).toEqual(Array.from({ length: 49 }, (_, i) => i + 152))
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    expect(seen.length - late.length).toBeLessThan(100)
  })

  test('loses what is under way when its sender forgets it, and nothing later', () => {
    const queue = new EventQueue(new Prng('order'))
    const seen: number[] = []
    const network = new Network(quiet, new Prng('network'), queue, new Counts(), ({ index }) => {
      seen.push(index)
    })
    network.send(message('append', { from: 1, to: 2, index: 1 }))
    network.send(message('append', { from: 3, to: 2, index: 2 }))
    network.forget(1)
    network.send(message('append', { from: 1, to: 2, index: 3 }))
    for (let task = queue.next(10_000); task !== null; task = queue.next(10_000)) task()
    expect(new Set(seen)).toEqual(new Set([2, 3]))
  })

  test('lets messages overtake each other where it keeps no order', () => {
    const seen = arrivals({ ...quiet, keepsOrder: false })
    expect(seen).not.toEqual([...seen].sort((a, b) => a - b))
    expect(seen).toHaveLength(200)
  })
})

test('members that keep each other busy while no time passes are accused', () => {
  let isBusy = false
  const { failure } = runSeed(4, {
    untilMs: 500,
    extraCheck: ({ isHealed, queue }) => {
      if (!isHealed || isBusy) return
      isBusy = true
      const again = (): void => queue.after(0, again)
      again()
    },
  })
  expect(failure?.message).toContain('"isBusy":true')
})
