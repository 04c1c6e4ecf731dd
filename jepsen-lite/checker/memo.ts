/**
 * The set of search states already seen, by 128-bit fingerprint: open addressing in one typed
 * array, 16 bytes a slot. A JavaScript Set dies at 2^24 entries and needs three times the memory.
 * Two states with one fingerprint would cut a branch wrongly; at 2^24 entries the chance of any
 * such pair is below 2^-79.
 */
export class Memo {
  readonly #budget: MemoBudget
  #slots: Uint32Array
  #mask: number
  #used = 0

  constructor(budget: MemoBudget) {
    this.#budget = budget
    budget.take(firstSlots)
    this.#slots = new Uint32Array(firstSlots * 4)
    this.#mask = firstSlots - 1
  }

  get size(): number {
    return this.#used
  }

  /** Adds the fingerprint. False when it was there. Throws MemoFull when there is no room left. */
  add(a: number, b: number, c: number, d: number): boolean {
    // The all-zero fingerprint marks a free slot; no state may have it.
    if ((a | b | c | d) === 0) a = 1
    if (this.#used * 4 >= (this.#mask + 1) * 3) this.#grow()
    return this.#insert(a >>> 0, b >>> 0, c >>> 0, d >>> 0)
  }

  /** Gives its slots back to the budget. The memo must not be used afterwards. */
  release(): void {
    this.#budget.give(this.#mask + 1)
    this.#slots = new Uint32Array(0)
    this.#mask = -1
    this.#used = 0
  }

  #insert(a: number, b: number, c: number, d: number): boolean {
    const slots = this.#slots
    let slot = a & this.#mask
    for (;;) {
      const at = slot * 4
      const first = slots[at]
      if (first === a && slots[at + 1] === b && slots[at + 2] === c && slots[at + 3] === d)
        return false
      if (first === 0 && slots[at + 1] === 0 && slots[at + 2] === 0 && slots[at + 3] === 0) {
        slots[at] = a
        slots[at + 1] = b
        slots[at + 2] = c
        slots[at + 3] = d
        this.#used++
        return true
      }
      slot = (slot + 1) & this.#mask
    }
  }

  #grow(): void {
    const old = this.#slots
    const size = this.#mask + 1
    this.#budget.take(size)
    this.#slots = new Uint32Array(size * 2 * 4)
    this.#mask = size * 2 - 1
    this.#used = 0
    for (let at = 0; at < old.length; at += 4) {
      const [a, b, c, d] = [old[at] ?? 0, old[at + 1] ?? 0, old[at + 2] ?? 0, old[at + 3] ?? 0]
      if ((a | b | c | d) !== 0) this.#insert(a, b, c, d)
    }
  }
}

const firstSlots = 1 << 8

export class MemoFull extends Error {
  override readonly name = 'MemoFull'
}

/** Slots that all memos of one search may hold together. */
export class MemoBudget {
  #left: number
  constructor(slots: number) {
    this.#left = slots
  }

  take(slots: number): void {
    if (slots > this.#left) throw new MemoFull(`the memo has no room for ${slots} more slots`)
    this.#left -= slots
  }

  give(slots: number): void {
    this.#left += slots
  }
}
