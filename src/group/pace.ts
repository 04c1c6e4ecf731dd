import { assert } from '../assert.ts'
import type { Cancel, Clock, Timers } from '../ports.ts'

/** What may pass at once after a pause, as a share of a second's bytes. */
const burstSeconds = 0.1

/**
 * A token bucket over bytes: what is taken beyond the rate waits, in the order of asking. Each asker
 * has one request at a time, so there are no more waiting than streams.
 */
export class Pace {
  readonly #bytesPerMs: number
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #waiting = new Map<() => void, Cancel>()
  /** Up to when the bytes that were let through use up the rate, ms of the monotonic clock. */
  #spentTo = Number.NEGATIVE_INFINITY
  #isClosed = false

  constructor(bytesPerSecond: number, clock: Clock, timers: Timers) {
    assert(bytesPerSecond > 0, 'GROUP-12', { bytesPerSecond })
    this.#bytesPerMs = bytesPerSecond / 1000
    this.#clock = clock
    this.#timers = timers
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Resolves when `bytes` more may pass; at once when closed. */
  take(bytes: number): Promise<void> {
    const now = this.#clock.monotonic()
    const from = Math.max(this.#spentTo, now - burstSeconds * 1000)
    this.#spentTo = from + bytes / this.#bytesPerMs
    const ms = this.#spentTo - now
    if (ms <= 0 || this.#isClosed) return Promise.resolve()
    return new Promise((resolve) => {
      const go = (): void => {
        this.#waiting.delete(go)
        resolve()
      }
      this.#waiting.set(go, this.#timers.after(Math.ceil(ms), go))
    })
  }

  /** Nobody waits any more: what is under way ends by itself. */
  close(): void {
    this.#isClosed = true
    for (const [go, cancel] of this.#waiting) {
      cancel()
      go()
    }
  }
}
