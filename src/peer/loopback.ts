import type { Counter, Gauge, Metrics, Timers } from '../ports.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'

/** Messages of this node to itself: delivered at the end of the turn, in order, not encoded. */
export class Loopback {
  readonly #timers: Timers
  readonly #maxWaiting: number
  readonly #deliver: (message: PeerMessage) => void
  readonly #gauge: Gauge
  readonly #refused: Counter
  #waiting: PeerMessage[] = []
  #isClosed = false

  constructor(
    timers: Timers,
    metrics: Metrics,
    maxWaiting: number,
    deliver: (message: PeerMessage) => void,
  ) {
    this.#gauge = metrics.gauge('peer_loopback', 'Messages to this node itself in the last turn')
    this.#refused = metrics.counter(
      'peer_loopback_refused_total',
      'Messages to this node itself above the bound',
    )
    this.#timers = timers
    this.#maxWaiting = maxWaiting
    this.#deliver = deliver
  }

  /** False: too many wait, or it is closed; the message is not taken. */
  post(message: PeerMessage): boolean {
    if (this.#isClosed) return false
    if (this.#waiting.length >= this.#maxWaiting) {
      this.#refused.add()
      return false
    }
    if (this.#waiting.push(message) === 1) this.#timers.soon(this.#drain)
    return true
  }

  close(): void {
    this.#isClosed = true
    this.#waiting = []
  }

  readonly #drain = (): void => {
    const batch = this.#waiting
    this.#waiting = []
    this.#gauge.set(batch.length)
    for (const message of batch) {
      if (this.#isClosed) return
      this.#deliver(message)
    }
  }
}
