import type { SessionId } from '../chat/command.ts'
import type { TopicName } from '../ids/topic-name.ts'

/** Topics to which one session has published. Above: publishes to others are refused as `queue-full`. */
const maxTopics = 4_096

/**
 * Numbers of the publishes of sessions whose clients do not number themselves: the session is the
 * producer (P3), and counts per topic for as long as it lives, also when it leaves and comes again.
 */
export class Numbering {
  readonly #sessions = new Map<SessionId, Map<TopicName, Numbers>>()

  /** Undefined: too many topics. */
  of(sid: SessionId, topic: TopicName): Numbers | undefined {
    let topics = this.#sessions.get(sid)
    if (topics === undefined) this.#sessions.set(sid, (topics = new Map()))
    let numbers = topics.get(topic)
    if (numbers === undefined && topics.size < maxTopics) {
      numbers = new Numbers()
      topics.set(topic, numbers)
    }
    return numbers
  }

  forget(sid: SessionId): void {
    this.#sessions.delete(sid)
  }
}

/**
 * The publishes of one session to one topic. One that failed leaves a hole; the owner may pass over
 * it when it is told that nothing below is still under way.
 */
export class Numbers {
  /** Ascending: numbers are only ever added at the end. */
  readonly #open = new Set<number>()
  #last = 0

  begin(): number {
    this.#open.add(++this.#last)
    return this.#last
  }

  end(n: number): void {
    this.#open.delete(n)
  }

  isFirst(n: number): boolean {
    return this.#open.size === 1 || this.#open.values().next().value === n
  }
}
