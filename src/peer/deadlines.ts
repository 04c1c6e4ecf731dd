import type { Cancel, Clock, Timers } from '../ports.ts'

/** What an item on the wheel carries; the wheel's own, but for `dueAt`. */
export interface Due<T> {
  /** Monotonic ms. */
  readonly dueAt: number
  before: T | null
  after: T | null
  /** Where it hangs; -1: nowhere. */
  slot: number
}

/**
 * A timing wheel: one timer for any number of deadlines, constant work to add and to remove. An
 * item fires up to one slot late and never early. The timer runs only while something waits.
 */
export class Deadlines<T extends Due<T>> {
  readonly #timers: Timers
  readonly #clock: Clock
  readonly #fire: (item: T) => void
  /** First item of each slot's list. Items of later rounds share the slots and are passed over. */
  readonly #slots: (T | null)[] = Array.from({ length: slotCount }, () => null)
  #size = 0
  /** Slots up to here, counted from clock zero, have been swept. */
  #sweptTo = 0
  #cancel: Cancel | null = null

  constructor(timers: Timers, clock: Clock, fire: (item: T) => void) {
    this.#timers = timers
    this.#clock = clock
    this.#fire = fire
  }

  add(item: T): void {
    if (this.#size++ === 0) this.#sweptTo = Math.floor(this.#clock.monotonic() / slotMs)
    // Never behind the sweep, or it would wait a whole round.
    const at = Math.max(Math.floor(item.dueAt / slotMs), this.#sweptTo) + 1
    const slot = at % slotCount
    const first = this.#slots[slot] ?? null
    item.slot = slot
    item.before = null
    item.after = first
    if (first !== null) first.before = item
    this.#slots[slot] = item
    this.#cancel ??= this.#timers.after(slotMs, this.#sweep)
  }

  /** Does nothing for an item that hangs nowhere. */
  remove(item: T): void {
    if (item.slot < 0) return
    if (item.before === null) this.#slots[item.slot] = item.after
    else item.before.after = item.after
    if (item.after !== null) item.after.before = item.before
    item.before = null
    item.after = null
    item.slot = -1
    this.#size--
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = null
  }

  readonly #sweep = (): void => {
    this.#cancel = null
    const now = this.#clock.monotonic()
    const last = Math.floor(now / slotMs)
    const due: T[] = []
    // After a stall longer than a round every slot is looked at once.
    for (let at = Math.max(this.#sweptTo + 1, last - slotCount + 1); at <= last; at++) {
      for (let item = this.#slots[at % slotCount] ?? null; item !== null; item = item.after) {
        if (item.dueAt <= now) due.push(item)
      }
    }
    this.#sweptTo = last
    for (const item of due) {
      // One that fired may have removed another.
      if (item.slot < 0) continue
      this.remove(item)
      this.#fire(item)
    }
    if (this.#size > 0) this.#cancel ??= this.#timers.after(slotMs, this.#sweep)
  }
}

/** How late a deadline may fire, ms. */
const slotMs = 20
const slotCount = 256
