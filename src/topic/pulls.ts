import { sometimes } from '../assert.ts'
import type { SessionId } from '../chat/command.ts'
import type { DataEvent } from '../chat/event.ts'
import { clientTopicName } from '../ids/topic-name.ts'
import type { TopicName } from '../ids/topic-name.ts'
import { limits } from '../limits.ts'
import type { Counter, Gauge, Metrics, Timers } from '../ports.ts'
import type { Attachment } from './attachment.ts'
import type { ProxyTopic } from './proxy-topic.ts'
import { dataFrame, deletedFrame, modeFrame } from './render.ts'

/** Messages of [low, high) that this reader may see, and what of them is deleted for him. */
export interface PulledPage {
  /** In any order. */
  readonly messages: readonly DataEvent[]
  /** Half-open, ascending. */
  readonly hidden: readonly (readonly [number, number])[]
}

export interface PullsHost {
  now(): number
  /**
   * Asks the owner, as this session. `denied`: it may not read there now. Null: it could not be had;
   * to be asked again.
   */
  page(
    topic: ProxyTopic,
    attachment: Attachment,
    low: number,
    high: number,
    took: (page: PulledPage | 'denied' | null) => void,
  ): void
}

/** Pages that this node waits for at the same time, of all its sessions. Above: sessions wait in line. */
const maxPages = 64
/** What a page should weigh, bytes: so many messages are asked for, by the size of those before. */
const pageBytes = 256 * 1024
/** Messages of a session's first page, when their size is not known yet. */
const firstPage = 16
/** ms until a page that could not be had is asked for again. */
const retryMs = 100

/** What is passed over because the reader has lost the right to it. */
const unreadable: PulledPage = { messages: [], hidden: [] }

/** One topic that a session reads behind the stream. */
interface Pull {
  readonly topic: ProxyTopic
  readonly attachment: Attachment
  readonly stay: number
  /** Messages to ask for next. */
  size: number
}

/** A session's topics, in turn; one page at a time, so that it costs no more memory than that. */
interface Line {
  readonly pulls: Map<TopicName, Pull>
  isAsking: boolean
}

/**
 * Sessions that read more slowly than their topics are written, or that come back with a cursor:
 * nothing is pushed to them, and what they miss is fetched from the owner page by page, as fast as
 * they take it. Who has caught up is pushed to again, in the same turn, so that nothing is missed,
 * repeated or out of order (P4, P10).
 */
export class Pulls {
  readonly #host: PullsHost
  readonly #timers: Timers
  readonly #lines = new Map<SessionId, Line>()
  /** Sessions that wait until fewer pages are under way. */
  readonly #waiting = new Set<SessionId>()
  #asking = 0
  readonly #sessions: Gauge
  readonly #begun: Counter
  readonly #ended: Counter
  readonly #bytes: Counter

  constructor(host: PullsHost, timers: Timers, metrics: Metrics) {
    this.#host = host
    this.#timers = timers
    this.#sessions = metrics.gauge('pull_sessions', 'Sessions with topics that are pulled')
    this.#begun = metrics.counter('pulls_begun_total', 'Turns of a topic from push to pull')
    this.#ended = metrics.counter('pulls_ended_total', 'Turns of a topic from pull back to push')
    this.#bytes = metrics.counter('pull_bytes_total', 'Bytes of messages fetched for pulls')
  }

  get size(): number {
    return this.#lines.size
  }

  /** From its place on, the session is pulled. */
  begin(topic: ProxyTopic, attachment: Attachment): void {
    const { sid } = attachment.subscriber
    attachment.isBehind = true
    this.#begun.add()
    let line = this.#lines.get(sid)
    if (line === undefined) {
      this.#lines.set(sid, (line = { pulls: new Map(), isAsking: false }))
      this.#sessions.set(this.#lines.size)
    }
    const { stay } = attachment
    line.pulls.set(topic.name, { topic, attachment, stay, size: firstPage })
    this.#next(sid)
  }

  /** The session takes more. */
  eased(sid: SessionId): void {
    this.#next(sid)
  }

  forget(sid: SessionId): void {
    if (this.#lines.delete(sid)) this.#sessions.set(this.#lines.size)
    this.#waiting.delete(sid)
  }

  #next(sid: SessionId): void {
    const line = this.#lines.get(sid)
    if (line === undefined || line.isAsking) return
    for (const pull of line.pulls.values()) {
      const { topic, attachment } = pull
      if (!isCurrent(pull)) line.pulls.delete(topic.name)
      else if (attachment.since >= topic.cursor) this.#caughtUp(line, pull)
      else if (attachment.subscriber.isSlow)
        return // it tells when it has eased
      else if (this.#asking >= maxPages) return void this.#waiting.add(sid)
      else return this.#ask(sid, line, pull)
    }
    if (line.pulls.size === 0) this.forget(sid)
  }

  #ask(sid: SessionId, line: Line, pull: Pull): void {
    const { topic, attachment } = pull
    const low = attachment.since + 1
    const high = Math.min(low + pull.size, topic.cursor + 1)
    line.isAsking = true
    this.#asking++
    this.#host.page(topic, attachment, low, high, (page) => {
      this.#asking--
      line.isAsking = false
      if (this.#lines.get(sid) === line) this.#took(sid, line, pull, high, page)
      this.#letIn()
    })
  }

  #took(
    sid: SessionId,
    line: Line,
    pull: Pull,
    high: number,
    page: PulledPage | 'denied' | null,
  ): void {
    // His right ended at the owner: the stream will say so here, in its place. Only then may what he
    // was denied be passed over, or he would see what is between without what was before it.
    const isEarly = page === 'denied' && pull.topic.mayRead(pull.attachment.uid)
    if (page === null || isEarly) return void this.#timers.after(retryMs, () => this.#next(sid))
    if (isCurrent(pull)) this.#pass(pull, high, page === 'denied' ? unreadable : page)
    // The others first: they waited meanwhile.
    if (line.pulls.get(pull.topic.name) === pull) {
      line.pulls.delete(pull.topic.name)
      line.pulls.set(pull.topic.name, pull)
    }
    this.#next(sid)
  }

  /** Passes on as much as the session takes; the rest is asked for again when it takes more. */
  #pass(pull: Pull, high: number, { messages, hidden }: PulledPage): void {
    const { attachment, topic } = pull
    const { subscriber, asChan, uid } = attachment
    const name = clientTopicName(topic.name, uid, asChan)
    if (attachment.resumes && hidden.length > 0) {
      const told = clip(hidden, attachment.since + 1, high)
      if (told.length > 0) subscriber.deliver(deletedFrame(name, told, this.#host.now()))
    }
    let bytes = 0
    for (const event of messages.toSorted((a, b) => a.seq - b.seq)) {
      if (event.seq <= attachment.since) continue
      if (subscriber.isSlow) {
        sometimes(true, 'topic: a reader became slow within a page')
        return
      }
      bytes += event.content.length + (event.head?.length ?? 0)
      if (attachment.takes(event)) subscriber.deliver(dataFrame(name, event, asChan))
    }
    attachment.since = Math.max(attachment.since, high - 1)
    this.#bytes.add(bytes)
    const each = bytes / Math.max(messages.length, 1)
    const fits = Math.floor(pageBytes / Math.max(each, 1))
    pull.size = Math.max(1, Math.min(fits, 2 * pull.size, limits.maxHistoryPage))
  }

  /** What comes next is pushed. */
  #caughtUp(line: Line, { topic, attachment }: Pull): void {
    line.pulls.delete(topic.name)
    attachment.isBehind = false
    this.#ended.add()
    sometimes(true, 'topic: a session that was pulled is pushed to again')
    const { subscriber, uid, asChan, since } = attachment
    if (!subscriber.knowsNotices) return
    subscriber.deliver(modeFrame(clientTopicName(topic.name, uid, asChan), 'push', since))
  }

  /** Fewer pages are under way: whoever waits longest goes on. */
  #letIn(): void {
    for (const sid of this.#waiting) {
      if (this.#asking >= maxPages) return
      this.#waiting.delete(sid)
      this.#next(sid)
    }
  }
}

/** Still at the topic, and not out and in again since. */
function isCurrent({ topic, attachment, stay }: Pull): boolean {
  const { subscriber, isBehind } = attachment
  return isBehind && attachment.stay === stay && topic.sessions.get(subscriber.sid) === attachment
}

function clip(
  spans: readonly (readonly [number, number])[],
  low: number,
  high: number,
): [number, number][] {
  return spans
    .map(([from, to]): [number, number] => [Math.max(from, low), Math.min(to, high)])
    .filter(([from, to]) => from < to)
}
