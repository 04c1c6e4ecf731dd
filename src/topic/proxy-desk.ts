import { sometimes } from '../assert.ts'
import type { SessionId } from '../chat/command.ts'
import type { DataEvent } from '../chat/event.ts'
import { partitionOf } from '../ids/routing-key.ts'
import type { GroupId } from '../ids/group-id.ts'
import { clientTopicName, kindOf, meTopic } from '../ids/topic-name.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import { limits } from '../limits.ts'
import type { Clock, Metrics, Timers } from '../ports.ts'
import { Attachment } from './attachment.ts'
import type { Calls } from './calls.ts'
import type { AskEntity } from './cards.ts'
import type { Attached, Post, TopicMessage } from './messages.ts'
import { topicKinds } from './messages.ts'
import { expandData } from './page-message.ts'
import { newsOf, ProxyTopic } from './proxy-topic.ts'
import type { ProxyHost } from './proxy-topic.ts'
import { askPage } from './pulled-page.ts'
import { Pulls } from './pulls.ts'
import { modeFrame, presFrame } from './render.ts'
import type { Subscriber, TopicRequest } from './topics.ts'
import { Watches } from './watches.ts'

/** ms until an owner that did not answer is asked again. */
const retryMs = 50
/** ms between tries to read a user's list after it could not be had. */
const listRetryMs = 500

/**
 * The proxies of this node: which session is attached where, who watches what, and keeping each
 * proxy's stream attached to the topic's owner, whoever that is.
 */
export class ProxyDesk {
  readonly #count: number
  readonly #post: Post
  readonly #calls: Calls
  readonly #ask: AskEntity
  readonly #watches: Watches
  readonly #host: ProxyHost
  readonly #timers: Timers
  readonly #pulls: Pulls
  readonly #proxies = new Map<TopicName, ProxyTopic>()
  /** Topics at which a session is attached, or about to be. */
  readonly #places = new Map<SessionId, Set<TopicName>>()

  constructor(deps: {
    partitions: number
    post: Post
    calls: Calls
    ask: AskEntity
    clock: Clock
    timers: Timers
    metrics: Metrics
  }) {
    this.#count = deps.partitions
    this.#post = deps.post
    this.#calls = deps.calls
    this.#ask = deps.ask
    const { clock, timers, calls } = deps
    this.#timers = timers
    this.#pulls = new Pulls(
      {
        now: () => clock.now(),
        page: (topic, attachment, low, high, took) =>
          askPage(calls, topic, attachment, low, high, took),
      },
      timers,
      deps.metrics,
    )
    this.#watches = new Watches({
      list: (uid) => this.#listOf(uid),
      watch: (topic, uid, ua) => this.#watch(topic, uid, ua),
      unwatch: (topic, uid) => this.#unwatch(topic, uid),
      later: (task) => void timers.after(listRetryMs, task),
    })
    this.#host = {
      now: () => clock.now(),
      meSessions: (uid) => this.#meSessions(uid),
      isAttached: (sid, topic) => this.isAttached(sid, topic),
      catchUp: (topic, low, high) => this.#catchUp(topic, low, high),
      behind: (topic, attachment, missed) => this.#behind(topic, attachment, missed),
      listChanged: (uid, topic, gone) => this.#watches.changed(uid, topic, gone),
      detached: (sid, uid, topic) => this.#detached(sid, uid, topic),
      idle: (topic) => {
        if (this.#isCurrent(topic)) this.#proxies.delete(topic.name)
      },
    }
  }

  get size(): number {
    return this.#proxies.size
  }

  get(topic: TopicName): ProxyTopic | undefined {
    return this.#proxies.get(topic)
  }

  isAttached(sid: SessionId, topic: TopicName): boolean {
    return this.#proxies.get(topic)?.sessions.get(sid)?.live === true
  }

  /** A session is about to enter: what is streamed from now on is held for it. */
  arrive(from: Subscriber, request: TopicRequest): Attachment {
    const proxy = this.#proxy(request.topic)
    let attachment = proxy.sessions.get(from.sid)
    if (attachment === undefined) {
      attachment = new Attachment(from, request.asChan)
      proxy.sessions.set(from.sid, attachment)
    }
    attachment.asked++
    attachment.tellings = proxy.tellings
    let places = this.#places.get(from.sid)
    if (places === undefined) this.#places.set(from.sid, (places = new Set()))
    places.add(request.topic)
    return attachment
  }

  /** The owner let it in: rights, and the last message before its live stream. */
  entered(
    from: Subscriber,
    request: TopicRequest,
    attachment: Attachment,
    [want, given, seq, asChan, term]: Attached,
  ): void {
    attachment.asked--
    const proxy = this.#proxies.get(request.topic)
    const current = proxy?.sessions.get(from.sid)
    if (proxy === undefined || current === undefined) {
      // It went away while the owner let it in.
      this.#tellOwner(request.topic, [topicKinds.dropped, request.topic, from.sid, from.uid])
      return
    }
    if (current !== attachment) return // it left and asked again: the answer to that counts
    attachment.asChan ||= asChan
    attachment.resumes = request.cursor !== undefined
    proxy.enter(attachment, want, given, seq, request.cursor)
    // The owner that let it in is not the owner any more, and the next one does not know of it; or
    // the owner was told anew meanwhile who is here, without this one.
    const isLate = attachment.tellings !== proxy.tellings
    sometimes(isLate, 'topic: a session was let in while its owner was told who listens')
    if (isLate || term < this.#calls.termOf(proxy.partition)) this.#attachTo(proxy)
    if (kindOf(request.topic) === 'me') {
      this.#watches.arrive(from.uid, from.sid, from.userAgent)
    }
  }

  /** The owner did not let it in. */
  notEntered(from: Subscriber, topic: TopicName, attachment: Attachment): void {
    attachment.asked--
    if (attachment.live || attachment.asked > 0) return
    if (this.#proxies.get(topic)?.sessions.get(from.sid) === attachment) {
      this.depart(from.sid, topic)
    }
  }

  /** The owner let one session out of one topic; it stays in sight while a later `{sub}` is on its way. */
  expelled(sid: SessionId, topic: TopicName): void {
    const attachment = this.#proxies.get(topic)?.sessions.get(sid)
    if (attachment !== undefined && attachment.asked > 0) attachment.leave()
    else this.depart(sid, topic)
  }

  /** One session leaves one topic. */
  depart(sid: SessionId, topic: TopicName): void {
    const attachment = this.#proxies.get(topic)?.leave(sid)
    if (attachment === undefined) return
    if (attachment.live) {
      this.#tellOwner(topic, [topicKinds.dropped, topic, sid, attachment.uid])
    }
    this.#detached(sid, attachment.uid, topic)
  }

  /** The session takes more of what it was too slow for. */
  eased(sid: SessionId): void {
    this.#pulls.eased(sid)
  }

  /** The session is gone, and leaves all of them. */
  forget(sid: SessionId): void {
    this.#pulls.forget(sid)
    for (const topic of new Set(this.#places.get(sid))) this.depart(sid, topic)
  }

  /** Whoever listens here listens to the new owner of `partition` from now on. */
  ownerChanged(partition: GroupId): void {
    for (const proxy of this.#proxies.values()) {
      if (proxy.partition === partition) this.#attachTo(proxy)
    }
  }

  /** From push to pull, and the client is told so: by our notice, or on `me` that there is news. */
  #behind(topic: ProxyTopic, attachment: Attachment, missed: DataEvent | null): void {
    this.#pulls.begin(topic, attachment)
    if (missed === null) return
    const { subscriber, uid, asChan, level, since } = attachment
    if (subscriber.knowsNotices) {
      const name = clientTopicName(topic.name, uid, asChan)
      return void subscriber.deliver(modeFrame(name, 'pull', since))
    }
    if (!this.isAttached(subscriber.sid, meTopic(uid))) return
    subscriber.deliver(presFrame(topic.name, newsOf(missed), { uid, level, asChan }, true))
  }

  #detached(sid: SessionId, uid: UserId, topic: TopicName): void {
    const places = this.#places.get(sid)
    places?.delete(topic)
    if (places?.size === 0) this.#places.delete(sid)
    if (kindOf(topic) === 'me') this.#watches.depart(uid, sid)
  }

  #proxy(topic: TopicName): ProxyTopic {
    let proxy = this.#proxies.get(topic)
    if (proxy === undefined) {
      proxy = new ProxyTopic(topic, partitionOf(topic, this.#count), this.#host)
      this.#proxies.set(topic, proxy)
    }
    return proxy
  }

  /** One that everybody left is done for, whatever still comes for it: the topic may have another by now. */
  #isCurrent(proxy: ProxyTopic): boolean {
    return this.#proxies.get(proxy.name) === proxy
  }

  *#meSessions(uid: UserId): Iterable<Attachment> {
    for (const attachment of this.#proxies.get(meTopic(uid))?.sessions.values() ?? []) {
      if (attachment.live) yield attachment
    }
  }

  #catchUp(proxy: ProxyTopic, low: number, high: number): void {
    this.#calls.call(
      proxy.partition,
      (call) => [topicKinds.catchUp, call, proxy.name, low, high],
      limits.requestDeadlineMs,
      (m) => {
        if (m[0] !== topicKinds.page) return 'more'
        if (!this.#isCurrent(proxy)) return 'done'
        proxy.caughtUp(m[2].map(expandData), high, m[2].length >= limits.maxHistoryPage, low)
        return 'done'
      },
      () => {
        this.#later(() => {
          if (this.#isCurrent(proxy)) this.#catchUp(proxy, low, high) // held until there is an owner again
        })
      },
    )
  }

  /** Tells an owner who listens here, and catches up with what was missed. */
  #attachTo(proxy: ProxyTopic): void {
    const sids = [...proxy.sessions.values()]
      .filter((attachment) => attachment.live)
      .map(({ subscriber }) => [subscriber.sid, subscriber.uid, subscriber.userAgent] as const)
    if (sids.length === 0 && proxy.watchers.size === 0) return
    proxy.attaching()
    proxy.tellings++
    this.#calls.call(
      proxy.partition,
      (call) => [topicKinds.interest, call, proxy.name, sids, [...proxy.watchers]],
      limits.requestDeadlineMs,
      (m) => {
        if (m[0] !== topicKinds.interested) return 'more'
        if (!this.#isCurrent(proxy)) return 'done'
        proxy.attached(m[2], m[3], m[4])
        if (kindOf(proxy.name) === 'me') this.#watches.again(proxy.name as string as UserId)
        return 'done'
      },
      () => {
        this.#later(() => {
          if (this.#isCurrent(proxy)) this.#attachTo(proxy)
        })
      },
    )
  }

  #watch(topic: TopicName, uid: UserId, userAgent: string): void {
    const proxy = this.#proxy(topic)
    proxy.watch(uid, userAgent)
    this.#calls.call(
      proxy.partition,
      (call) => [topicKinds.watch, call, topic, uid, userAgent],
      limits.requestDeadlineMs,
      (m) => {
        if (m[0] !== topicKinds.interested) return 'more'
        if (this.#isCurrent(proxy)) proxy.watched(m[2], m[3], m[4])
        return 'done'
      },
      () => {
        this.#later(() => {
          if (proxy.watchers.has(uid)) this.#watch(topic, uid, userAgent)
        })
      },
    )
  }

  /** A refusal may come at once: asked again in the same turn, that would go round without end. */
  #later(task: () => void): void {
    this.#timers.after(retryMs, task)
  }

  #unwatch(topic: TopicName, uid: UserId): void {
    this.#proxies.get(topic)?.unwatch(uid)
    this.#tellOwner(topic, [topicKinds.unwatch, topic, uid])
  }

  async #listOf(uid: UserId): Promise<readonly TopicName[] | undefined> {
    const answer = await this.#ask(uid, { kind: 'list' })
    return answer as readonly TopicName[] | undefined
  }

  /** No answer expected, none waited for: an owner that misses it finds out when edges tell it anew. */
  #tellOwner(topic: TopicName, message: TopicMessage): void {
    const owner = this.#calls.ownerOf(partitionOf(topic, this.#count))
    if (owner !== 0) this.#post(owner, message)
  }
}
