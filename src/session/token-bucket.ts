/** A rate with a burst of one second: `perSecond` tokens at most, refilled evenly. */
export class TokenBucket {
  #tokens: number
  #at: number

  constructor(perSecond: number, nowMs: number) {
    this.#tokens = perSecond
    this.#at = nowMs
  }

  /** Takes one token if there is one. `nowMs`: monotonic. */
  take(perSecond: number, nowMs: number): boolean {
    const refill = ((nowMs - this.#at) * perSecond) / 1_000
    this.#tokens = Math.min(Math.max(perSecond, 1), this.#tokens + Math.max(refill, 0))
    this.#at = nowMs
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}
