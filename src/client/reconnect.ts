import { assert } from '../assert.ts'
import type { Random } from '../ports.ts'

export interface Attempt {
  /** `host:port`, or a `ws://` or `wss://` URL without a path. */
  readonly address: string
  /** Wait this long before trying, ms. */
  readonly waitMs: number
}

export interface ReconnectRange {
  readonly minMs: number
  readonly maxMs: number
}

/**
 * Where to connect next, and when. Each loss or failure moves on to the next address. The first
 * round over all addresses goes at once but for a little jitter, as one of them surely lives; the
 * pause then doubles from round to round. The first address is drawn, so that clients spread.
 */
export class Reconnect {
  readonly #addresses: readonly string[]
  readonly #range: ReconnectRange
  readonly #random: Random
  #next: number
  #failures = 0

  constructor(addresses: readonly string[], range: ReconnectRange, random: Random) {
    assert(addresses.length > 0, 'CLIENT-1', {})
    this.#addresses = addresses
    this.#range = range
    this.#random = random
    this.#next = random.below(addresses.length)
  }

  next(): Attempt {
    const address = this.#addresses[this.#next] as string
    this.#next = (this.#next + 1) % this.#addresses.length
    const round = Math.floor(this.#failures++ / this.#addresses.length)
    const { minMs, maxMs } = this.#range
    const full = round === 0 ? 0 : Math.min(maxMs, minMs * 2 ** Math.min(round - 1, 20))
    const jitterMs = this.#random.below(Math.ceil(Math.max(full, minMs) / 2) + 1)
    return { address, waitMs: full === 0 ? jitterMs : full - jitterMs }
  }

  /** The session was restored: the next loss starts with a quick round again. */
  succeeded(): void {
    this.#failures = 0
  }
}
