import { assert } from '../assert.ts'

/**
 * A hashed timing wheel (Varghese and Lauck 1987, scheme 6): inserting and cancelling cost the same
 * with ten timers or a million. Time comes from outside as milliseconds that never step back.
 */
export class TimingWheel {
  readonly #tickMs: number
  /** Each slot is a ring of entries; `slots[i]` is its head, which never fires. */
  readonly #slots: WheelEntry[]
  readonly #mask: number
  /** Ticks up to and including this one have fired. */
  #tick: number
  #size = 0

  /** `slots`: a power of two; entries further away than `slots` ticks wait for more than one round. */
  constructor(tickMs: number, slots: number, nowMs: number) {
    assert(slots > 0 && (slots & (slots - 1)) === 0, 'SESSION-1', { slots })
    this.#tickMs = tickMs
    this.#mask = slots - 1
    this.#slots = Array.from({ length: slots }, () => new WheelEntry())
    this.#tick = Math.floor(nowMs / tickMs)
  }

  get size(): number {
    return this.#size
  }

  /** Fires `entry` at `atMs` or up to one tick later, never earlier. Moves it when it is scheduled already. */
  schedule(entry: WheelEntry, atMs: number): void {
    this.cancel(entry)
    entry.tick = Math.max(Math.ceil(atMs / this.#tickMs), this.#tick + 1)
    const head = this.#slots[entry.tick & this.#mask] as WheelEntry
    entry.before = head.before
    entry.after = head
    head.before.after = entry
    head.before = entry
    this.#size++
  }

  /** Harmless when the entry is not scheduled. */
  cancel(entry: WheelEntry): void {
    if (entry.after === entry) return
    entry.before.after = entry.after
    entry.after.before = entry.before
    entry.before = entry
    entry.after = entry
    this.#size--
  }

  /** Fires all that is due. After a long stall every slot is looked at once, not once for each missed tick. */
  advance(nowMs: number): void {
    const target = Math.floor(nowMs / this.#tickMs)
    const first = Math.max(this.#tick + 1, target - this.#mask)
    for (let tick = first; tick <= target; tick++) {
      // Entries that fire may schedule themselves anew: those must land behind what is being looked at.
      this.#tick = tick
      this.#fireSlot(this.#slots[tick & this.#mask] as WheelEntry, tick)
    }
    this.#tick = Math.max(this.#tick, target)
  }

  #fireSlot(head: WheelEntry, tick: number): void {
    // The due ones are taken out first: what they do may change this very slot.
    const due: WheelEntry[] = []
    for (let entry = head.after; entry !== head; entry = entry.after) {
      if (entry.tick <= tick) due.push(entry)
    }
    for (const entry of due) {
      // An earlier one of this slot may have cancelled or moved it.
      if (entry.after === entry || entry.tick > tick) continue
      this.cancel(entry)
      entry.fire()
    }
  }
}

/** One timer, embedded in what it belongs to. Alone it is a ring of itself. */
export class WheelEntry {
  before: WheelEntry = this
  after: WheelEntry = this
  /** The tick at which it is due, counted from time zero. */
  tick = 0

  fire(): void {}
}
