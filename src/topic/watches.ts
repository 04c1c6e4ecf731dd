import type { SessionId } from '../chat/command.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'

/** Someone with a session on `me` here. */
interface Watcher {
  readonly sids: Set<SessionId>
  readonly topics: Set<TopicName>
  readonly userAgent: string
  /** What changed while the list is read: it may be older than that. */
  changed: Set<TopicName>
}

export interface WatchesHost {
  /** Fetches the names in the user's list; undefined when they cannot be had now. */
  list(uid: UserId): Promise<readonly TopicName[] | undefined>
  watch(topic: TopicName, uid: UserId, userAgent: string): void
  unwatch(topic: TopicName, uid: UserId): void
  /** Runs a task a little later. */
  later(task: () => void): void
}

/**
 * Users with a session attached to their `me` on this node, and the topics that tell them news:
 * those in their lists. One watch per user, topic and node, however many sessions there are.
 */
export class Watches {
  readonly #watchers = new Map<UserId, Watcher>()
  readonly #host: WatchesHost

  constructor(host: WatchesHost) {
    this.#host = host
  }

  get size(): number {
    return this.#watchers.size
  }

  arrive(uid: UserId, sid: SessionId, userAgent: string): void {
    const known = this.#watchers.get(uid)
    if (known !== undefined) {
      known.sids.add(sid)
      return
    }
    const watcher: Watcher = {
      sids: new Set([sid]),
      topics: new Set(),
      userAgent,
      changed: new Set(),
    }
    this.#watchers.set(uid, watcher)
    this.#read(uid, watcher)
  }

  depart(uid: UserId, sid: SessionId): void {
    const watcher = this.#watchers.get(uid)
    if (watcher === undefined) return
    watcher.sids.delete(sid)
    if (watcher.sids.size > 0) return
    this.#watchers.delete(uid)
    for (const topic of watcher.topics) this.#host.unwatch(topic, uid)
  }

  /** The user's own topic told that his list changed. */
  changed(uid: UserId, topic: TopicName, gone: boolean): void {
    const watcher = this.#watchers.get(uid)
    if (watcher === undefined) return
    watcher.changed.add(topic)
    if (gone) {
      if (watcher.topics.delete(topic)) this.#host.unwatch(topic, uid)
    } else this.#add(uid, watcher, topic)
  }

  /** Changes of the list may have been missed: the stream of the user's own topic was interrupted. */
  again(uid: UserId): void {
    const watcher = this.#watchers.get(uid)
    if (watcher !== undefined) this.#read(uid, watcher)
  }

  #read(uid: UserId, watcher: Watcher): void {
    const changed = new Set<TopicName>()
    watcher.changed = changed
    this.#host.list(uid).then(
      (topics) => {
        if (watcher.changed !== changed) return // read anew
        if (topics === undefined) this.#host.later(() => this.again(uid))
        else this.#listed(uid, watcher, new Set(topics))
      },
      () => this.#host.later(() => this.again(uid)),
    )
  }

  #listed(uid: UserId, watcher: Watcher, topics: ReadonlySet<TopicName>): void {
    if (this.#watchers.get(uid) !== watcher) return // gone meanwhile
    const { changed } = watcher
    for (const topic of watcher.topics) {
      if (topics.has(topic) || changed.has(topic)) continue
      watcher.topics.delete(topic)
      this.#host.unwatch(topic, uid)
    }
    for (const topic of topics) if (!changed.has(topic)) this.#add(uid, watcher, topic)
  }

  #add(uid: UserId, watcher: Watcher, topic: TopicName): void {
    if (watcher.topics.has(topic)) return
    watcher.topics.add(topic)
    this.#host.watch(topic, uid, watcher.userAgent)
  }
}
