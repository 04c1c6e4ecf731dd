import type { FlotillaClient, PublishOptions } from './client.ts'
import { isFinal, noAnswer, type Outcome } from './outcome.ts'
import { makeProducerId } from '../ids/producer-id.ts'
import type { Surroundings } from './surroundings.ts'

/**
 * Publishes so that each message is stored exactly once (P3): under an idempotency key, sent again
 * with the same key as long as nobody knows whether it was stored. One message at a time per
 * topic, in the order of the calls.
 */
export class Publisher {
  readonly #client: FlotillaClient
  readonly #surroundings: Surroundings
  readonly #topics = new Map<string, Lane>()

  constructor(client: FlotillaClient, surroundings: Surroundings) {
    this.#client = client
    this.#surroundings = surroundings
  }

  /**
   * Unknown only when the deadline passed without an answer; the topic then goes on under a new
   * producer, so that what was in doubt cannot hold up what follows.
   */
  async publish(
    topic: string,
    content: unknown,
    options: PublishOptions = {},
    deadlineMs = 30_000,
  ): Promise<Outcome> {
    const lane = this.#topics.get(topic) ?? { ...this.#newProducer(), tail: Promise.resolve() }
    this.#topics.set(topic, lane)
    const turn = lane.tail.then(() => this.#until(lane, topic, content, options, deadlineMs))
    lane.tail = turn.then(() => {})
    return await turn
  }

  async #until(
    lane: Lane,
    topic: string,
    content: unknown,
    options: PublishOptions,
    deadlineMs: number,
  ): Promise<Outcome> {
    const { clock, timers } = this.#surroundings
    const dueAt = clock.monotonic() + deadlineMs
    let inDoubt = false
    for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
      const leftMs = dueAt - clock.monotonic()
      if (leftMs <= 0) break
      const key = { producer: lane.producer, n: lane.n }
      const sent = { ...options, key, timeoutMs: Math.min(leftMs, 5_000) }
      const outcome = await this.#client.publish(topic, content, sent)
      if (outcome.kind === 'ok') {
        lane.n++
        return outcome
      }
      // A definite no to a second attempt says nothing about the first: a lost answer may have
      // been an ok, and the right to publish or the attachment went since.
      if (isFinal(outcome) && !inDoubt) return outcome
      if (isFinal(outcome)) break
      inDoubt ||= outcome.kind === 'unknown'
      await new Promise<void>((resolve) => timers.after(pauseMs, resolve))
    }
    if (!inDoubt) return { kind: 'fail', code: 0, text: 'no connection in time', params: {} }
    Object.assign(lane, this.#newProducer())
    return noAnswer('timeout')
  }

  #newProducer(): { producer: string; n: number } {
    const { clock, random } = this.#surroundings
    return { producer: makeProducerId(clock.now(), random.below(2 ** 22)), n: 1 }
  }
}

interface Lane {
  producer: string
  /** Number of the next message; a refused one leaves no hole. */
  n: number
  tail: Promise<void>
}
