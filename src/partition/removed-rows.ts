import type { KeyRange } from '../store/store.ts'

/** Rows removed before their space is asked back, and between two times of asking. */
const rowsPerAsking = 65_536
/** What a removed message took on the disk, roughly, bytes. */
const rowBytes = 256

/**
 * Counts the messages whose rows were removed from a partition on this node, and between which keys
 * they lay, until it is worth while to rewrite what is left between these.
 */
export class RemovedRows {
  #count = 0
  #askAt = rowsPerAsking
  #low: Uint8Array | null = null
  #high: Uint8Array | null = null

  /** `key` was removed. True: it is time to ask. */
  note(key: Uint8Array): boolean {
    this.#count++
    if (this.#low === null || Buffer.compare(key, this.#low) < 0) this.#low = key
    if (this.#high === null || Buffer.compare(key, this.#high) > 0) this.#high = key
    return this.#count >= this.#askAt
  }

  get bytes(): number {
    return this.#count * rowBytes
  }

  /** From the lowest key to just behind the highest. Empty before the first one. */
  get range(): KeyRange {
    const low = this.#low ?? new Uint8Array(0)
    const high = this.#high ?? low
    const lt = new Uint8Array(high.length + 1)
    lt.set(high)
    return { gte: Uint8Array.from(low), lt }
  }

  /** The answer was no: everything stays counted. */
  later(): void {
    this.#askAt = this.#count + rowsPerAsking
  }
}
