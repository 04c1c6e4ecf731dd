import type { Timers } from '../ports.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'

/** Messages of this node to itself: delivered at the end of the turn, in order, not encoded. */
export class Loopback {
  readonly #timers: Timers
  readonly #maxWaiting: number
  readonly #deliver: (message: PeerMessage) => void
  #waiting: PeerMessage[] = []
  #isClosed = false

  constructor(timers: Timers, maxWaiting: number, deliver: (message: PeerMessage) => void) {
    this.#timers = timers
    this.#maxWaiting = maxWaiting
    this.#deliver = deliver
  }

  /** False: too many wait, or it is closed; the message is not taken. */
  post(message: PeerMessage): boolean {
    if (this.#isClosed || this.#waiting.length >= this.#maxWaiting) return false
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
    for (const message of batch) {
      if (this.#isClosed) return
      this.#deliver(message)
    }
  }
}
