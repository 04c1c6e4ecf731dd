/** Counts how long the oldest store has been under way, in ticks: a stalled event loop is no hanging disk. */
export class DiskWatch {
  readonly #limit: number
  #oldest: unknown = undefined
  #ticks = 0

  constructor(limitTicks: number) {
    this.#limit = limitTicks
  }

  /** `oldest` identifies the store; undefined: none. True, once per limit, while it does not end. */
  tick(oldest: unknown): boolean {
    if (oldest === undefined || oldest !== this.#oldest) {
      this.#oldest = oldest
      this.#ticks = 0
      return false
    }
    this.#ticks++
    return this.#ticks % this.#limit === 0
  }
}
