import type { Ask } from '../chat/ask.ts'
import type { HistoryPart } from '../chat/outcome.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import type { TopicName } from '../ids/topic-name.ts'
import type { UserId } from '../ids/user-id.ts'
import { limits } from '../limits.ts'
import type { Partition } from '../partition/partition.ts'
import type { PartitionRows, PastMessage } from '../partition/partition-rows.ts'
import { entityKey } from '../partition/rows.ts'
import type { Logger } from '../ports.ts'
import type { Refuse } from './interests.ts'
import type { CatchUp, Post } from './messages.ts'
import { topicKinds } from './messages.ts'
import { pageMessage } from './page-message.ts'

/** A question of which only the confirmation counts: nobody's row. */
const confirmation: Ask = { kind: 'row', uid: '' as UserId }

/** A page that is being read. */
interface OpenRead {
  readonly from: NodeIndex
  readonly call: number
  readonly topic: TopicName
  readonly partition: Partition
}

/**
 * Pages of history that an owner reads from its store. Rows of a partition that has moved away may
 * be going while they are read, so what is open then is refused and asked of the next owner.
 */
export class OwnerReads {
  readonly #post: Post
  readonly #refuse: Refuse
  readonly #logger: Logger
  readonly #open = new Set<OpenRead>()

  constructor(post: Post, refuse: Refuse, logger: Logger) {
    this.#post = post
    this.#refuse = refuse
    this.#logger = logger
  }

  /** A page that belongs to an answer. `after`: what the store must hold before it is read. */
  history(
    from: NodeIndex,
    call: number,
    topic: TopicName,
    partition: Partition,
    part: HistoryPart,
    after: number,
  ): void {
    const read: OpenRead = { from, call, topic, partition }
    this.#page(read, after, (rows) => rows.history(entityKey(topic), part))
  }

  catchUp(from: NodeIndex, [, call, topic, low, high]: CatchUp, partition: Partition | null): void {
    if (partition === null) return
    // The edge may have learned these numbers from a later owner: only who is confirmed has them all.
    partition.ask(topic, confirmation, {
      released: (_told, _parcels, after) => {
        const read: OpenRead = { from, call, topic, partition }
        this.#page(read, after, (rows) =>
          rows.ascending(entityKey(topic), low, high, limits.maxHistoryPage),
        )
      },
      refused: (why) => this.#refuse(from, call, topic, why),
    })
  }

  /** The partition is not here any more. */
  end(partition: Partition): void {
    for (const read of this.#open) {
      if (read.partition !== partition) continue
      this.#open.delete(read)
      this.#refuse(read.from, read.call, read.topic, 'not-owner')
    }
  }

  #page(
    read: OpenRead,
    after: number,
    rowsOf: (rows: PartitionRows) => Promise<PastMessage[]>,
  ): void {
    const { from, call, topic, partition } = read
    this.#open.add(read)
    partition.rows.whenApplied(after, () => {
      if (!this.#open.has(read)) return
      rowsOf(partition.rows).then(
        (page) => {
          if (this.#open.delete(read)) {
            this.#post(from, [topicKinds.page, call, page.map(pageMessage)])
          }
        },
        (error: unknown) => {
          if (!this.#open.delete(read)) return
          this.#logger.error({ error: String(error) }, 'history cannot be read')
          this.#refuse(from, call, topic, 'internal')
        },
      )
    })
  }
}
