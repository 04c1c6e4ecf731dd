import type { Index } from './entry.ts'

/**
 * Appends that are under way to one follower: a window bounded in messages and in bytes. A ring of
 * (last index, bytes); it grows to `maxMessages` on demand, for most groups are idle.
 */
export class Inflights {
  readonly maxMessages: number
  readonly maxBytes: number
  count = 0
  bytes = 0
  /** Messages that may be under way now: half of what was, after a refusal; one more for each that arrives. */
  allowed: number
  #start = 0
  #capacity = 8
  #indexes: Index[] = []
  #sizes: number[] = []

  constructor(maxMessages: number, maxBytes: number) {
    this.maxMessages = maxMessages
    this.maxBytes = maxBytes
    this.allowed = maxMessages
  }

  /** The byte bound is soft by one message, so that one large entry can always pass. */
  get isFull(): boolean {
    return this.count >= this.allowed || this.bytes >= this.maxBytes
  }

  add(lastIndex: Index, bytes: number): void {
    if (this.count === this.#capacity) this.#grow()
    const at = (this.#start + this.count) % this.#capacity
    this.#indexes[at] = lastIndex
    this.#sizes[at] = bytes
    this.count++
    this.bytes += bytes
  }

  /** Frees every message whose last index is at or below `index`: they have arrived. */
  freeTo(index: Index): void {
    while (this.count > 0 && (this.#indexes[this.#start] as Index) <= index) {
      this.freeFirst()
      if (this.allowed < this.maxMessages) this.allowed++
    }
  }

  /** One of them was lost or overtaken: what came after it was sent in vain. */
  narrow(): void {
    this.allowed = Math.max(1, this.count >> 1)
  }

  /** Makes room for one more, in case the whole window was lost. */
  freeFirst(): void {
    if (this.count === 0) return
    this.bytes -= this.#sizes[this.#start] as number
    this.#start = (this.#start + 1) % this.#capacity
    this.count--
  }

  reset(): void {
    this.count = 0
    this.bytes = 0
    this.#start = 0
  }

  #grow(): void {
    const indexes: Index[] = []
    const sizes: number[] = []
    for (let i = 0; i < this.count; i++) {
      const at = (this.#start + i) % this.#capacity
      indexes.push(this.#indexes[at] as Index)
      sizes.push(this.#sizes[at] as number)
    }
    this.#indexes = indexes
    this.#sizes = sizes
    this.#start = 0
    this.#capacity *= 2
  }
}
