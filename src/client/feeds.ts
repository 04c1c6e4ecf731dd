import { sometimes } from '../assert.ts'
import type { LiveSession } from './live-session.ts'
import { isFinal, type Outcome } from './outcome.ts'
import type { Ctrl, Data, Meta, ServerObject } from './protocol.ts'
import type { Subscription } from './subscription.ts'
import type { Surroundings } from './surroundings.ts'

/** Keeps every subscription attached and whole: attaches anew, fetches what was missed. */
export class Feeds {
  readonly #session: LiveSession
  readonly #surroundings: Surroundings
  readonly #subscriptions = new Map<string, Subscription>()

  constructor(session: LiveSession, surroundings: Surroundings) {
    this.#session = session
    this.#surroundings = surroundings
  }

  get(topic: string): Subscription | undefined {
    return this.#subscriptions.get(topic)
  }

  /** Attaches for the first time. Unless the outcome is ok, the subscription is over. */
  open(subscription: Subscription, done: (outcome: Outcome) => void): void {
    this.#subscriptions.set(subscription.topic, subscription)
    this.#attach(subscription, (outcome) => {
      if (outcome.kind !== 'ok') this.drop(subscription.topic)
      done(outcome)
    })
  }

  /** Ends it here; the server is not told. */
  drop(topic: string): void {
    this.#subscriptions.get(topic)?.detached()
    this.#subscriptions.delete(topic)
  }

  /** A new connection: everything is attached anew. */
  ready(): void {
    for (const subscription of this.#subscriptions.values()) {
      // Otherwise its first request waits by itself.
      if (subscription.wasAttached) this.#reattach(subscription)
    }
  }

  lost(): void {
    for (const subscription of this.#subscriptions.values()) subscription.detached()
  }

  object(object: ServerObject): void {
    const { ctrl, data, meta, pres, info } = object
    if (data !== undefined) this.#arrived(data)
    if (ctrl !== undefined) this.#evicted(ctrl)
    if (meta !== undefined) this.#told(meta)
    if (info !== undefined) this.get(info.topic)?.handlers.info?.(info)
    if (pres === undefined) return
    const subscription = this.get(pres.topic)
    subscription?.handlers.pres?.(pres)
    if (pres.what === 'term' && subscription !== undefined) this.#detachedByServer(subscription)
  }

  /**
   * Attaches, from the cursor on when there is one, or else learns where the topic stands: from then
   * on nothing can be missed. A server that does not know cursors answers without `params.seq`.
   */
  #attach(subscription: Subscription, done: (outcome: Outcome) => void): void {
    const { topic, handlers, place } = subscription
    const body = { topic, ...(handlers.set === undefined ? {} : { set: handlers.set }) }
    const options = place === null ? {} : { extra: { cursor: place } }
    subscription.isAttaching = true
    this.#session.request('sub', body, options, ({ outcome }) => {
      subscription.isAttaching = false
      if (outcome.kind !== 'ok' || this.get(topic) !== subscription) {
        done(outcome)
        return
      }
      this.#rename(subscription, outcome.topic ?? topic)
      subscription.isAttached = true
      const { seq } = outcome.params
      if (place !== null && typeof seq === 'number') {
        subscription.resumed(seq)
        subscription.wasAttached = true
        handlers.attached?.(outcome)
        return done(outcome)
      }
      this.#learnSeq(subscription, (known) => {
        if (known) {
          subscription.wasAttached = true
          handlers.attached?.(outcome)
          this.#fetch(subscription)
        }
        done(known ? outcome : { kind: 'unknown', code: outcome.code, text: 'seq not known' })
      })
    })
  }

  #reattach(subscription: Subscription): void {
    if (subscription.isAttached || subscription.isAttaching) return
    sometimes(true, 'client: attached anew after a reconnect')
    this.#attach(subscription, (outcome) => {
      if (this.get(subscription.topic) !== subscription || outcome.kind === 'ok') return
      if (isFinal(outcome)) this.#end(subscription, outcome)
      else this.#later(subscription, () => this.#reattach(subscription))
    })
  }

  #learnSeq(subscription: Subscription, done: (known: boolean) => void): void {
    const { topic } = subscription
    this.#session.request('get', { topic, what: 'desc' }, {}, ({ outcome, metas }) => {
      const known = outcome.kind === 'ok'
      // Without the right to read there is no seq, and nothing to be missed.
      if (known) subscription.learnSeq(metas[0]?.desc?.seq ?? 0)
      done(known)
    })
  }

  #told(meta: Meta): void {
    const subscription = this.get(meta.topic)
    if (subscription === undefined) return
    // Without an id it is no answer: the server streams from a cursor, and says what is not there.
    if (meta.id === undefined) {
      for (const { low, hi } of meta.del?.delseq ?? []) subscription.deleted(low, hi ?? low + 1)
    }
    subscription.handlers.meta?.(meta)
  }

  #arrived(data: Data): void {
    const subscription = this.get(data.topic)
    if (subscription === undefined) return
    subscription.arrived(data)
    this.#fetch(subscription)
  }

  /** Asks history for the next hole, if there is one and nobody asks already. */
  #fetch(subscription: Subscription): void {
    const span = subscription.nextFetch()
    if (span === null) return
    const { topic } = subscription
    const query = { topic, what: 'data', data: { ...span, limit: span.before - span.since } }
    this.#session.request('get', query, {}, ({ outcome }) => {
      subscription.fetched(span, outcome.kind === 'ok')
      if (outcome.kind === 'ok') this.#fetch(subscription)
      else if (isFinal(outcome)) this.#end(subscription, outcome)
      else this.#later(subscription, () => this.#fetch(subscription))
    })
  }

  #evicted(ctrl: Ctrl): void {
    if (ctrl.code !== 205 || ctrl.topic === undefined || ctrl.id !== undefined) return
    const subscription = this.get(ctrl.topic)
    if (subscription === undefined) return
    const { code, text, topic, params = {} } = ctrl
    if (params['unsub'] === true) this.#end(subscription, { kind: 'ok', code, text, topic, params })
    else this.#detachedByServer(subscription)
  }

  #detachedByServer(subscription: Subscription): void {
    subscription.detached()
    this.#later(subscription, () => this.#reattach(subscription))
  }

  /** Tries again after a pause, unless it is over by then or a reconnect does it anyway. */
  #later(subscription: Subscription, again: () => void): void {
    this.#surroundings.timers.after(retryMs, () => {
      const isCurrent = this.get(subscription.topic) === subscription
      if (isCurrent && this.#session.state === 'ready') again()
    })
  }

  #end(subscription: Subscription, why: Outcome): void {
    this.drop(subscription.topic)
    subscription.handlers.ended?.(why)
  }

  #rename(subscription: Subscription, topic: string): void {
    if (topic === subscription.topic) return
    this.#subscriptions.delete(subscription.topic)
    subscription.topic = topic
    this.#subscriptions.set(topic, subscription)
  }
}

/** Pause before asking again what the server could not answer, ms. */
const retryMs = 200
