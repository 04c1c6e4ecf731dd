import type { Timers } from '../../src/ports.ts'
import type { MemoryStore } from '../../src/store/memory-store.ts'
import type { KeyRange, Op, Pair, RangeQuery, Store, StoreSnapshot } from '../../src/store/store.ts'
import type { Dice } from './chaos-time.ts'

/** A store whose writes and reads take a while; what is under way at a crash is lost. */
export class SlowStore implements Store {
  readonly doubtful = false
  /** ms that a write takes at most. */
  lag = 0
  /** Reads take no time. */
  calm = false
  readonly rows: MemoryStore
  readonly #timers: Timers
  readonly #dice: Dice
  #free = 0
  #clock = 0
  readonly #now: () => number

  constructor(rows: MemoryStore, timers: Timers, now: () => number, dice: Dice) {
    this.rows = rows
    this.#timers = timers
    this.#now = now
    this.#dice = dice
  }

  write(ops: readonly Op[]): Promise<void> {
    // One after the other, each when the one before has ended.
    this.#clock = this.#now()
    const start = Math.max(this.#clock, this.#free)
    this.#free = start + (this.lag === 0 ? 0 : this.#dice.below(this.lag)) + 0.001
    return new Promise((resolve) => {
      this.#timers.after(this.#free - this.#clock, () => void this.rows.write(ops).then(resolve))
    })
  }

  range(query: RangeQuery): Promise<Pair[]> {
    if (this.calm || !this.#dice.chance(30)) return this.rows.range(query)
    return new Promise((resolve) => {
      const early = this.#dice.chance(50) ? this.rows.range(query) : null
      this.#timers.after(this.#dice.below(30), () => {
        void (early ?? this.rows.range(query)).then(resolve)
      })
    })
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.rows.get(key)
  }

  trust(): Promise<void> {
    return this.rows.trust()
  }

  deleteRange(range: KeyRange): Promise<void> {
    return this.rows.deleteRange(range)
  }

  sync(): Promise<void> {
    return this.rows.sync()
  }

  snapshot(): StoreSnapshot {
    return this.rows.snapshot()
  }

  close(): Promise<void> {
    return this.rows.close()
  }
}
