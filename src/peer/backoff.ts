import type { Random } from '../ports.ts'

/** Pauses that double up to a bound, each shortened by up to half at random so that peers spread. */
export class Backoff {
  readonly #minMs: number
  readonly #maxMs: number
  readonly #random: Random
  #nextMs: number

  constructor(range: { readonly minMs: number; readonly maxMs: number }, random: Random) {
    this.#minMs = range.minMs
    this.#maxMs = range.maxMs
    this.#random = random
    this.#nextMs = range.minMs
  }

  /** The pause before the next attempt, ms. */
  next(): number {
    const full = this.#nextMs
    this.#nextMs = Math.min(this.#maxMs, full * 2)
    return full / 2 + this.#random.below(Math.ceil(full / 2) + 1)
  }

  /** It worked: the next failure starts from the shortest pause. */
  reset(): void {
    this.#nextMs = this.#minMs
  }
}
