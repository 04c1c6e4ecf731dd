import type { TopicEvent } from '../chat/event.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { partitionOf } from '../ids/routing-key.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import type { Timers } from '../ports.ts'
import type { Term } from '../raft/entry.ts'
import type { Post } from './messages.ts'
import { topicKinds } from './messages.ts'
import { OwnerTopic } from './owner-topic.ts'
import type { OwnerTopicHost } from './owner-topic.ts'

/**
 * The topics of the partitions that this node owns to which somebody listens, and the sending of
 * their streams: what a run of releases gathered leaves as one message per topic and node.
 */
export class OwnerTopics {
  readonly #count: number
  readonly #post: Post
  readonly #timers: Timers
  readonly #topicHost: OwnerTopicHost
  /** By partition, with the term in which it is owned. */
  readonly #owned = new Map<GroupId, { term: Term; topics: Map<TopicName, OwnerTopic> }>()
  readonly #gathered = new Set<OwnerTopic>()
  #planned = false

  constructor(deps: {
    partitions: number
    post: Post
    timers: Timers
    graceMs: number
    /** The last session of a user left his `me`. */
    seen: (uid: UserId, userAgent: string) => void
  }) {
    this.#count = deps.partitions
    this.#post = deps.post
    this.#timers = deps.timers
    this.#topicHost = {
      timers: deps.timers,
      graceMs: deps.graceMs,
      gathered: (topic) => this.#gather(topic),
      seen: deps.seen,
    }
  }

  begin(partition: GroupId, term: Term): void {
    this.end(partition)
    this.#owned.set(partition, { term, topics: new Map() })
  }

  end(partition: GroupId): void {
    for (const topic of this.#owned.get(partition)?.topics.values() ?? []) topic.close()
    this.#owned.delete(partition)
  }

  get size(): number {
    let count = 0
    for (const { topics } of this.#owned.values()) count += topics.size
    return count
  }

  find(name: string): OwnerTopic | undefined {
    return this.#owned.get(partitionOf(name, this.#count))?.topics.get(name as TopicName)
  }

  /** The topic, made when nobody listened to it yet. */
  open(partition: GroupId, name: TopicName): OwnerTopic {
    const topics = this.#owned.get(partition)?.topics
    const found = topics?.get(name)
    if (found !== undefined) return found
    const topic = new OwnerTopic(name, this.#topicHost)
    topics?.set(name, topic)
    return topic
  }

  tell(name: string, events: readonly TopicEvent[]): void {
    if (events.length > 0) this.find(name)?.publish(events)
  }

  nodeDown(node: NodeIndex): void {
    for (const topic of this.#all()) topic.nodeDown(node)
  }

  flush(): void {
    this.#planned = false
    if (this.#gathered.size === 0) return
    for (const topic of this.#gathered) {
      const events = topic.take()
      const owned = this.#owned.get(partitionOf(topic.name, this.#count))
      if (owned?.topics.get(topic.name) !== topic) continue // of a term that is over
      if (events.length > 0) {
        for (const node of topic.presence.nodes) {
          this.#post(node, [topicKinds.events, topic.name, owned.term, events])
        }
      }
      topic.sent()
      if (topic.isIdle) owned.topics.delete(topic.name)
    }
    this.#gathered.clear()
  }

  #gather(topic: OwnerTopic): void {
    this.#gathered.add(topic)
    if (this.#planned) return
    this.#planned = true
    this.#timers.soon(() => this.flush())
  }

  *#all(): Iterable<OwnerTopic> {
    for (const { topics } of this.#owned.values()) yield* topics.values()
  }
}
