import { randomInt } from 'node:crypto'
import type { Cancel, Clock, Random, Timers } from '../ports.ts'

/** The machine's own time, chance and timers: what a node gets in production. */
export interface System {
  readonly clock: Clock
  readonly random: Random
  readonly timers: Timers
}

/** `onThrow` gets what a task threw: the process has a bug and should end. Later tasks of the batch still run. */
export function realSystem(onThrow: (error: unknown) => void): System {
  return { clock: realClock, random: realRandom, timers: new RealTimers(onThrow) }
}

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}

export const realRandom: Random = {
  below: (bound) => randomInt(bound),
}

/** Above: the rest runs in the next turn of the event loop. */
const maxSoonRounds = 8

class RealTimers implements Timers {
  readonly #onThrow: (error: unknown) => void
  #soon: (() => void)[] = []
  #planned = false

  constructor(onThrow: (error: unknown) => void) {
    this.#onThrow = onThrow
  }

  after(ms: number, task: () => void): Cancel {
    const timer = setTimeout(() => this.#run(task), ms)
    return () => clearTimeout(timer)
  }

  /** Keeps its pace: a late run does not delay those after it, and missed ones are not made up for. */
  every(ms: number, task: () => void): Cancel {
    let due = performance.now() + ms
    let timer = setTimeout(fire, ms)
    const run = () => this.#run(task)
    let cancelled = false
    function fire(): void {
      run()
      if (cancelled) return
      const now = performance.now()
      due = due + ms > now ? due + ms : now + ms
      timer = setTimeout(fire, due - now)
    }
    return () => {
      cancelled = true
      clearTimeout(timer)
    }
  }

  /**
   * One immediate serves all tasks of a turn, and those that they ask for in turn: what a publish
   * sets off (evaluate, propose, append, send) leaves in the turn in which it came. Bounded, so
   * that tasks which keep asking for more do not keep the sockets waiting.
   */
  soon(task: () => void): void {
    this.#soon.push(task)
    if (this.#planned) return
    this.#planned = true
    setImmediate(this.#drain)
  }

  readonly #drain = (): void => {
    for (let round = 0; round < maxSoonRounds && this.#soon.length > 0; round++) {
      const tasks = this.#soon
      this.#soon = []
      for (const each of tasks) this.#run(each)
    }
    this.#planned = this.#soon.length > 0
    if (this.#planned) setImmediate(this.#drain)
  }

  #run(task: () => void): void {
    try {
      task()
    } catch (error) {
      this.#onThrow(error)
    }
  }
}
