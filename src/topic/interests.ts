import { J, selfTopicMode } from '../chat/access-mode.ts'
import type { MeRow } from '../chat/ask.ts'
import type { Told } from '../chat/entity.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { kindOf } from '../ids/topic-name.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import type { Refusal, Sink } from '../partition/evaluation.ts'
import type { Partition } from '../partition/partition.ts'
import type { Interest, MemberModes, Post, Watch } from './messages.ts'
import { topicKinds } from './messages.ts'
import type { OwnerTopics } from './owner-topics.ts'

/** Rights that everybody has on his own topic. */
const ownTopicModes = { want: selfTopicMode, given: selfTopicMode }

/** Tells an edge that this was not done here. */
export type Refuse = (from: NodeIndex, call: number, name: string, why: Refusal) => void

/**
 * Takes what edges tell of who listens there, and answers with the rights of each and the place in
 * the stream from which the edge will miss nothing.
 */
export class Interests {
  readonly #topics: OwnerTopics
  readonly #post: Post
  readonly #refuse: Refuse

  constructor(topics: OwnerTopics, post: Post, refuse: Refuse) {
    this.#topics = topics
    this.#post = post
    this.#refuse = refuse
  }

  /** An edge tells a new owner who listens; answered with the rights of each and the place in the stream. */
  interest(
    from: NodeIndex,
    [, call, name, sids, watchers]: Interest,
    partition: Partition | null,
  ): void {
    if (partition === null) return
    const topic = this.#topics.open(partition.id, name)
    topic.retell(from, sids, watchers)
    const users = new Set([...sids.map(([, uid]) => uid), ...watchers.map(([uid]) => uid)])
    this.#modesOf(partition, name, users, from, call, (mode, _member, uid) => {
      // He was taken out before the edge heard of it; the answer tells it.
      if ((mode & J) !== 0) return
      const current = this.#topics.find(name)
      current?.presence.evict(uid)
      current?.trim(from)
    })
  }

  /** A member has come to his `me` on some node. */
  watch(from: NodeIndex, [, call, name, uid, ua]: Watch, partition: Partition | null): void {
    if (partition === null) return
    this.#topics.open(partition.id, name).presence.listen(from)
    this.#modesOf(partition, name, new Set([uid]), from, call, (mode, member) => {
      if (member) this.#topics.find(name)?.watch(from, uid, ua, mode)
      else this.#topics.find(name)?.trim(from)
      this.#topics.flush()
    })
  }

  #modesOf(
    partition: Partition,
    name: TopicName,
    users: ReadonlySet<UserId>,
    from: NodeIndex,
    call: number,
    each: (mode: number, member: boolean, uid: UserId) => void,
  ): void {
    const modes: MemberModes[] = []
    let left = users.size
    let seq = 0
    let failed = false
    const own = kindOf(name) === 'me' || kindOf(name) === 'fnd'
    const done = (): void => {
      left--
      if (left > 0 || failed) return
      this.#post(from, [topicKinds.interested, call, partition.term, seq, modes])
    }
    for (const uid of users) {
      const sink: Sink<Told> = {
        released: ({ answer }) => {
          const row = answer as MeRow | null
          seq = Math.max(seq, row?.seq ?? 0)
          const { want, given } = own ? ownTopicModes : (row?.acs ?? { want: 0, given: 0 })
          const member = own || row !== null
          const reader = row?.chan === true
          modes.push([uid, want, given, member, reader])
          this.#topics.find(name)?.knows(uid, reader)
          each(want & given, member, uid)
          done()
        },
        refused: (why) => {
          if (!failed) this.#refuse(from, call, name, why)
          failed = true
          done()
        },
      }
      partition.ask(name, { kind: 'row', uid }, sink)
    }
    if (users.size === 0) this.#post(from, [topicKinds.interested, call, partition.term, 0, []])
  }
}
