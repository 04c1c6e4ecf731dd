import { describe, expect, test } from 'vitest'
import { mutants } from '../../jepsen-lite/simulation/mutant-list.ts'
import { drawPlan } from '../../jepsen-lite/simulation/plan.ts'
import { runSeed } from '../../jepsen-lite/simulation/run-seed.ts'
import { shrink } from '../../jepsen-lite/simulation/shrink.ts'
import { Violation } from '../../jepsen-lite/simulation/violation.ts'
import type { World } from '../../jepsen-lite/simulation/world.ts'

const seeds = [1, 2, 3, 4, 5, 6]
/** Shorter than in a campaign; long enough for these. */
const untilMs = 3_000

test('the list holds every bug that a single group can have', () => {
  const ids = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 22, 23, 24].map((n) => `K${n}`)
  expect(Object.keys(mutants)).toEqual(ids)
})

test('the real core passes', () => {
  expect(seeds.map((seed) => runSeed(seed, { untilMs }).failure)).toEqual(seeds.map(() => null))
})

describe('caught within six seeds', () => {
  test.for(['K2', 'K6', 'K7', 'K24'])('%s', (mutant) => {
    expect(seeds.some((seed) => runSeed(seed, { mutant, untilMs }).failure !== null)).toBe(true)
  })
})

test('a failure is made smaller and still fails alike', () => {
  const mutant = 'K7'
  const seed = seeds.find((one) => runSeed(one, { mutant, untilMs }).failure !== null)!
  const failed = runSeed(seed, { mutant, untilMs })
  const small = shrink(seed, { mutant, untilMs }, failed)
  expect(small.result.failure?.name).toBe(failed.failure?.name)
  expect(small.faults).toBeLessThan(drawPlan(seed, { mutant, untilMs }).faults.length)
  expect(runSeed(seed, small.overrides)).toEqual(small.result)
})

/** A bug of no core: the third crash breaks a promise. The harness must notice, or it notices nothing. */
function canary(world: World): void {
  const crashes = world.counts.get('fault: crash')
  if (crashes >= 3) throw new Violation('I3 acknowledged', { crashes })
}

test('a planted failure is found and told', () => {
  const failed = seeds.map((seed) => runSeed(seed, { extraCheck: canary, untilMs }).failure)
  const found = failed.filter((failure) => failure !== null)
  expect(found.length).toBeGreaterThan(0)
  expect(found[0]).toMatchObject({ name: 'I3 acknowledged' })
  expect(found[0]!.message).toContain('crashes')
})

test('whatever is thrown is a failure, not the end of the campaign', () => {
  const thrower = (): never => {
    throw new TypeError('not ours')
  }
  const { failure } = runSeed(1, { extraCheck: thrower })
  expect(failure).toMatchObject({ name: 'thrown TypeError' })
})
