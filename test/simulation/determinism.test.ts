import { expect, test } from 'vitest'
import { Prng } from '../../jepsen-lite/prng.ts'
import { EventQueue } from '../../jepsen-lite/simulation/event-queue.ts'
import { drawPlan } from '../../jepsen-lite/simulation/plan.ts'
import { runSeed } from '../../jepsen-lite/simulation/run-seed.ts'

test.for([2, 10, 17])('seed %i gives the same run twice', (seed) => {
  const first = runSeed(seed, { untilMs: 3_000 })
  expect(runSeed(seed, { untilMs: 3_000 })).toEqual(first)
  expect(first.failure).toBe(null)
})

test('seeds give different runs', () => {
  const hashes = [4, 5, 6].map((seed) => runSeed(seed, { untilMs: 500 }).hash)
  expect(new Set(hashes).size).toBe(3)
})

test('printing what happens changes nothing', () => {
  const lines: string[] = []
  const printed = runSeed(4, { untilMs: 500, print: (line) => lines.push(line) })
  expect(printed).toEqual(runSeed(4, { untilMs: 500 }))
  expect(lines.length).toBeGreaterThan(10)
})

test('the generator gives the same numbers on every machine', () => {
  const random = new Prng('simulation 1')
  expect([random.next(), random.next(), random.next()]).toEqual(vector)
  const split = new Prng('simulation 1').split('network')
  expect([split.next(), split.next(), split.next()]).toEqual(splitVector)
})

const vector = [1_369_236_238, 1_019_873_954, 2_767_068_414]
const splitVector = [2_324_451_475, 1_530_090_387, 3_149_309_186]

test('a stream is not shifted by draws from another', () => {
  const [a, b] = [new Prng(1), new Prng(1)]
  for (let i = 0; i < 5; i++) a.next()
  expect(a.split('disk').next()).toBe(b.split('disk').next())
})

test('leaving a class of fault out does not move the others', () => {
  const whole = drawPlan(8)
  const [first] = whole.classes.filter((name) => whole.faults.some((one) => one.class === name))
  expect(first).toBeDefined()
  const rest = drawPlan(8, { off: [first!] })
  expect(rest.faults).toEqual(whole.faults.filter((one) => one.class !== first))
})

test('kept ids and an earlier end leave only what was asked for', () => {
  const { faults } = drawPlan(8)
  const keep = [faults[0]!.id, faults[3]!.id]
  expect(drawPlan(8, { keep }).faults.map(({ id }) => id)).toEqual(keep)
  const untilMs = faults[3]!.at
  expect(drawPlan(8, { untilMs }).faults.map(({ id }) => id)).toEqual([0, 1, 2])
})

test('events come in the order of time, those of one time in a drawn order', () => {
  const queue = new EventQueue(new Prng(1))
  const random = new Prng(2)
  const seen: number[] = []
  for (let i = 0; i < 500; i++) {
    const at = random.below(40)
    queue.after(at, () => seen.push(at * 1_000 + i))
  }
  for (let task = queue.next(39); task !== null; task = queue.next(39)) task()
  const times = seen.map((one) => Math.floor(one / 1_000))
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  expect(seen.length).toBe(500)
  expect(seen).not.toEqual(seen.toSorted((a, b) => a - b))
  queue.after(10, () => undefined)
  expect(queue.next(queue.now + 9)).toBe(null)
  expect(queue.length).toBe(1)
})
