import { randomInt } from 'node:crypto'
import type { Clock, Random, Timers } from '../ports.ts'

/** Time and chance for a client; programs take `realSurroundings`, tests may bring their own. */
export interface Surroundings {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
}

export const realSurroundings: Surroundings = {
  clock: { now: () => Date.now(), monotonic: () => performance.now() },
  timers: {
    after(ms, task) {
      const timer = setTimeout(task, ms)
      return () => clearTimeout(timer)
    },
    every(ms, task) {
      const timer = setInterval(task, ms)
      return () => clearInterval(timer)
    },
    soon: (task) => void setImmediate(task),
  },
  random: { below: (bound) => randomInt(bound) },
}
