import { Cursor, type SeqSpan } from './cursor.ts'
import type { Outcome } from './outcome.ts'
import type { Data, Info, Meta, Pres } from './protocol.ts'

/** What a reader of a topic is told. All may be left out. */
export interface TopicHandlers {
  /** Every message once and in order of seq, also across reconnects and failovers. */
  data?(data: Data): void
  pres?(pres: Pres): void
  info?(info: Info): void
  meta?(meta: Meta): void
  /** Attached, for the first time or again. */
  attached?(outcome: Outcome): void
  /** It is over, and will not come back by itself: left, evicted, deleted, or refused. */
  ended?(why: Outcome): void
}

export interface SubscribeOptions extends TopicHandlers {
  /** First seq wanted. Without it: everything from the moment of attaching on. */
  readonly since?: number
  /** The `set` of the `{sub}`; a new group's public description goes here. */
  readonly set?: object
}

/**
 * One topic that this client reads. It outlives connections: after each reconnect it is attached
 * anew and takes up where its cursor stands.
 */
export class Subscription {
  /** The server's name for it; for a new group, known after the first attach. */
  topic: string
  isAttached = false
  /** A request to attach is under way. */
  isAttaching = false
  /** Ever since it was opened: only then does a reconnect attach it anew. */
  wasAttached = false
  readonly handlers: SubscribeOptions
  readonly #cursor: Cursor<Data>
  /** The span that is being fetched; live messages inside it count as its answer, too. */
  #fetching: SeqSpan | null = null

  constructor(topic: string, options: SubscribeOptions) {
    this.topic = topic
    this.handlers = options
    this.#cursor = new Cursor<Data>(options.since ?? null, (data) => options.data?.(data))
  }

  /** The last seq that was delivered, or passed over as deleted; 0 for none. */
  get lastSeq(): number {
    return this.#cursor.last
  }

  /** The last seq that it has, for a server that resumes there; null when nothing is known yet. */
  get place(): number | null {
    return this.#cursor.place
  }

  /** The server streams all above `place`; the topic stands at `seq`. */
  resumed(seq: number): void {
    this.#cursor.resumed(seq)
  }

  /** Numbers that will not come, half-open. */
  deleted(low: number, hi: number): void {
    this.#cursor.deleted(low, hi)
  }

  /** The topic's seq as told by `{meta desc}` after an attach. */
  learnSeq(seq: number): void {
    this.#cursor.attached(seq)
  }

  arrived(data: Data): void {
    this.#cursor.arrived(data.seq, data)
  }

  /** The connection is gone, or the server detached us. */
  detached(): void {
    this.isAttached = false
    this.isAttaching = false
    this.#fetching = null
  }

  /** The next span to fetch; null when nothing is missing or a fetch is under way. */
  nextFetch(): SeqSpan | null {
    if (!this.isAttached || this.#fetching !== null) return null
    this.#fetching = this.#cursor.missing()
    return this.#fetching
  }

  /** The fetch ended; `isWhole` when history told all it has of it. A late end of another is ignored. */
  fetched(span: SeqSpan, isWhole: boolean): void {
    if (this.#fetching !== span) return
    this.#fetching = null
    if (isWhole) this.#cursor.fetched(span)
  }
}
