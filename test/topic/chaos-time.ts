import type { Cancel, Clock, Random, Timers } from '../../src/ports.ts'

/** Chance by seed. Own and small, so that a seed means the same run for ever. */
export class Dice implements Random {
  #state: number

  constructor(seed: number) {
    this.#state = (Math.imul(seed, 2654435761) ^ 0x9e3779b9) >>> 0
    for (let i = 0; i < 4; i++) this.below(2)
  }

  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * bound)
  }

  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean {
    return this.below(1_000) < percent * 10
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }
}

const settled = Promise.resolve()

interface Due {
  readonly at: number
  readonly order: number
  readonly task: () => void
  cancelled: boolean
}

/**
 * Virtual time of many nodes: the next event is run, then everything that it made due in this
 * turn (promises, `soon`), then time jumps to the next. Same inputs, same run.
 */
export class ChaosTime implements Clock {
  #now = 1_800_000_000_000
  #order = 0
  #heap: Due[] = []
  #soon: (() => void)[] = []

  now(): number {
    return Math.floor(this.#now)
  }

  monotonic(): number {
    return this.#now
  }

  after(ms: number, task: () => void): Cancel {
    const due: Due = { at: this.#now + ms, order: this.#order++, task, cancelled: false }
    this.#push(due)
    return () => {
      due.cancelled = true
    }
  }

  soon(task: () => void): void {
    this.#soon.push(task)
  }

  /** Timers of one life of a node: none fires when `alive` says that it is over. */
  scope(alive: () => boolean): Timers {
    const guarded = (task: () => void) => () => {
      if (alive()) task()
    }
    return {
      after: (ms, task) => this.after(ms, guarded(task)),
      every: (ms, task) => this.#every(ms, alive, task),
      soon: (task) => this.soon(guarded(task)),
    }
  }

  async run(ms: number): Promise<void> {
    const end = this.#now + ms
    await this.#turn()
    for (;;) {
      const next = this.#heap[0]
      if (next === undefined || next.at > end) break
      this.#pop()
      if (next.cancelled) continue
      this.#now = Math.max(this.#now, next.at)
      next.task()
      await this.#turn()
    }
    this.#now = end
  }

  #every(ms: number, alive: () => boolean, task: () => void): Cancel {
    let over = false
    const arm = (): void => {
      this.after(ms, () => {
        if (over || !alive()) return
        arm()
        task()
      })
    }
    arm()
    return () => {
      over = true
    }
  }

  async #turn(): Promise<void> {
    do {
      for (let i = 0; i < 6; i++) await settled
      for (const task of this.#soon.splice(0)) task()
      for (let i = 0; i < 3; i++) await settled
    } while (this.#soon.length > 0)
  }

  #push(due: Due): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(due)
    while (at > 0) {
      const up = (at - 1) >> 1
      if (!before(due, heap[up] as Due)) break
      heap[at] = heap[up] as Due
      at = up
    }
    heap[at] = due
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Due
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1] as Due, heap[child] as Due)) child++
      if (!before(heap[child] as Due, last)) break
      heap[at] = heap[child] as Due
      at = child
    }
    heap[at] = last
  }
}

function before(a: Due, b: Due): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at
}
