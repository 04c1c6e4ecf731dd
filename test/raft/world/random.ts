import type { Random } from '../../../src/ports.ts'

/** Mulberry32: small, good enough for tests, the same everywhere. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  return {
    below(bound) {
      state = (state + 0x6d2b79f5) >>> 0
      let t = Math.imul(state ^ (state >>> 15), state | 1)
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
      return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * bound)
    },
  }
}

/** Always the same number, cut to the bound: for tests that count ticks. */
export function always(value: number): Random {
  return { below: (bound) => Math.min(value, bound - 1) }
}
