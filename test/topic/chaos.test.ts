import { expect, test } from 'vitest'
import { ChaosRun } from './chaos-run.ts'

/** `CHAOS_SEED=n` plays one seed and says what happens; `CHAOS_SEEDS=a-b` plays others. */
const { CHAOS_SEED, CHAOS_SEEDS } = process.env

function seeds(): number[] {
  if (CHAOS_SEED !== undefined) return [Number(CHAOS_SEED)]
  const [from = 1, to = 40] = (CHAOS_SEEDS ?? '').split('-').filter(Boolean).map(Number)
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

test('chaos: whatever fails, each message is stored once, in one order, and reaches everybody', async () => {
  for (const seed of seeds()) {
    const run = new ChaosRun(seed)
    run.trace = CHAOS_SEED !== undefined
    expect(await run.play(), `seed ${seed}`).toEqual([])
  }
}, 600_000)
