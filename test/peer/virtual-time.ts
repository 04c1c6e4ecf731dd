import type { Clock, Timers } from '../../src/ports.ts'

/** Time that moves only when told to. Timers fire in order of their time, `soon` at once after. */
export class VirtualTime implements Clock, Timers {
  #now: number
  #queue: { at: number; task: () => void }[] = []
  #soon: (() => void)[] = []

  constructor(start = 1_000) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  after(ms: number, task: () => void): () => void {
    const entry = { at: this.#now + ms, task }
    this.#queue.push(entry)
    return () => {
      this.#queue = this.#queue.filter((other) => other !== entry)
    }
  }

  every(ms: number, task: () => void): () => void {
    let cancel = () => {}
    const arm = (): void => {
      cancel = this.after(ms, () => {
        arm()
        task()
      })
    }
    arm()
    return () => cancel()
  }

  soon(task: () => void): void {
    this.#soon.push(task)
  }

  get waiting(): number {
    return this.#queue.length
  }

  /** Moves time on by `ms`; a jump in one step when `isStall`. */
  advance(ms: number, isStall = false): void {
    const end = this.#now + ms
    if (isStall) this.#now = end
    for (;;) {
      for (const task of this.#soon.splice(0)) task()
      const next = this.#queue.toSorted((a, b) => a.at - b.at)[0]
      if (next === undefined || next.at > end) break
      this.#queue = this.#queue.filter((other) => other !== next)
      this.#now = Math.max(this.#now, next.at)
      next.task()
    }
    this.#now = end
  }
}
