import type { DataEvent, TopicEvent } from '../chat/event.ts'
import type { Reader } from './render.ts'
import type { Subscriber } from './topics.ts'

/** Events held for a session whose `{sub}` is not answered yet. Above: the oldest data is left to history. */
export const maxHeldEvents = 4_096

/** A session at a topic of this node, from the moment its `{sub}` leaves for the owner. */
export class Attachment implements Reader {
  readonly subscriber: Subscriber
  /** A reader of a channel: by the name he used, or because the owner says so. */
  asChan: boolean
  /** Messages up to here are history to it, or it has had them. */
  since = 0
  /** It is pulled: messages above `since` are fetched for it at its own pace, and none is pushed. */
  isBehind = false
  /** Its client gave a cursor, and is told which numbers it will not see because they were deleted. */
  resumes = false
  /** Its how-manieth stay this is: what was asked for in an earlier one does not count. */
  stay = 0
  /** What waited at the proxy when it was let in, and is older than that: it takes out others, not this one. */
  past: readonly TopicEvent[] = []
  /** Not null: what came between its request and the answer. */
  #held: TopicEvent[] | null = []
  /** What the topic's owner had been told of this node when it asked last; see ProxyTopic.tellings. */
  tellings = 0
  /** Its `{sub}`s that are not answered yet. */
  asked = 0

  constructor(subscriber: Subscriber, asChan: boolean) {
    this.subscriber = subscriber
    this.asChan = asChan
  }

  get uid(): Reader['uid'] {
    return this.subscriber.uid
  }

  get level(): Reader['level'] {
    return this.subscriber.level
  }

  get live(): boolean {
    return this.#held === null
  }

  /** The owner detached it; a later `{sub}` of its may be on the way. */
  leave(): void {
    this.#held ??= []
    this.past = []
    this.isBehind = false
    this.stay++
  }

  /** Keeps an event for later; false when the session is live and is to get it now. */
  hold(event: TopicEvent): boolean {
    if (this.#held === null) return false
    this.#held.push(event)
    if (this.#held.length > maxHeldEvents) this.#held.shift()
    return true
  }

  /** The owner let it in: what was held and is newer than `since` is its first live stream. */
  enter(since: number): readonly TopicEvent[] {
    const held = this.#held ?? []
    this.#held = null
    this.since = since
    this.isBehind = false
    this.stay++
    return held.filter((event) => event.kind !== 'data' || event.seq > since)
  }

  /** Is it news? Counts as had from here on. */
  takes(event: DataEvent): boolean {
    if (event.seq <= this.since) return false
    this.since = event.seq
    return event.skipSid !== this.subscriber.sid
  }
}
