import type { Cancel, Clock, Random, Timers } from '../../src/ports.ts'

interface Task {
  at: number
  readonly order: number
  readonly run: () => void
  readonly every: number | null
}

/** Time that passes only when told to. Everything that waits for nothing but time is done before it goes on. */
export class VirtualTime implements Timers, Clock {
  #now = 0
  #order = 0
  #tasks: Task[] = []
  #soon: (() => void)[] = []

  now(): number {
    return 1_800_000_000_000 + this.#now
  }

  monotonic(): number {
    return this.#now
  }

  after(ms: number, run: () => void): Cancel {
    return this.#add({ at: this.#now + ms, order: this.#order++, run, every: null })
  }

  every(ms: number, run: () => void): Cancel {
    return this.#add({ at: this.#now + ms, order: this.#order++, run, every: ms })
  }

  soon(run: () => void): void {
    this.#soon.push(run)
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await this.#settle()
      const next = this.#earliest()
      if (next === null || next.at > end) break
      this.#now = Math.max(this.#now, next.at)
      this.#fire(next)
    }
    this.#now = end
  }

  /** Advances until `holds`. Fails when that does not come about. */
  async until(holds: () => boolean, what: string, withinMs = 20_000): Promise<void> {
    const deadline = this.#now + withinMs
    while (!holds()) {
      if (this.#now >= deadline) throw new Error(`did not come about in ${withinMs} ms: ${what}`)
      await this.advance(5)
    }
  }

  /** Advances as long as `work` waits for time to pass. */
  async passWhile<T>(work: Promise<T>): Promise<T> {
    let isDone = false
    const settled = work.finally(() => (isDone = true))
    settled.catch(() => {
      // Not lost: it comes out of the `await` below.
    })
    for (let turn = 0; !isDone && turn < 10_000; turn++) await this.advance(turn === 0 ? 0 : 1)
    return await settled
  }

  /** The event loop stands still for so long: what was due runs late, periodic tasks once. */
  stall(ms: number): void {
    this.#now += ms
  }

  async #settle(): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      if (this.#soon.length === 0) return
      const tasks = this.#soon
      this.#soon = []
      for (const task of tasks) task()
    }
  }

  #add(task: Task): Cancel {
    this.#tasks.push(task)
    return () => {
      const at = this.#tasks.indexOf(task)
      if (at >= 0) this.#tasks.splice(at, 1)
    }
  }

  #earliest(): Task | null {
    let found: Task | null = null
    for (const task of this.#tasks) {
      const before = found === null || task.at < found.at
      if (before || (task.at === found?.at && task.order < found.order)) found = task
    }
    return found
  }

  #fire(task: Task): void {
    if (task.every === null) this.#tasks.splice(this.#tasks.indexOf(task), 1)
    else task.at = this.#now + task.every
    task.run()
  }
}

/** The same numbers for the same seed. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  return {
    below(bound) {
      state = (Math.imul(state ^ (state >>> 15), 2246822519) + 3266489917) >>> 0
      return Math.floor((((state ^ (state >>> 13)) >>> 0) / 2 ** 32) * bound)
    },
  }
}
