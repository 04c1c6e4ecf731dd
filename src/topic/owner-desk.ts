import type { Actor, Command } from '../chat/command.ts'
import type { Outcome } from '../chat/outcome.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import type { TopicName } from '../ids/topic-name.ts'
import { partitionOf } from '../ids/routing-key.ts'
import type { UserId } from '../ids/user-id.ts'
import type { Clock, Logger, Timers } from '../ports.ts'
import type { Refusal, Sink } from '../partition/evaluation.ts'
import type { Partition, PartitionListener } from '../partition/partition.ts'
import type { Term } from '../raft/entry.ts'
import type {
  AskMessage,
  LettersMessage,
  Post,
  Publish,
  Request,
  TopicMessage,
} from './messages.ts'
import { topicKinds } from './messages.ts'
import { AnswerOrder } from './answer-order.ts'
import { Interests } from './interests.ts'
import type { Refuse } from './interests.ts'
import { OwnerTopics } from './owner-topics.ts'
import { OwnerReads } from './owner-reads.ts'
import { publishSink } from './publish-sink.ts'

/** What the owner side knows of the cluster around it. */
export interface OwnerDeskHost {
  /** Who owns a partition as far as known; 0: nobody known. */
  ownerOf(partition: GroupId): { readonly node: NodeIndex; readonly term: Term }
  /** This node became owner of the partition. */
  owned(partition: GroupId, term: Term): void
}

/** ms that an answer waits for its facts to arrive in other partitions, so that what follows sees them. */
const parcelWaitMs = 1_500

/**
 * The owner's side of the topic floor: takes what edges ask, has the partition evaluate it, and
 * sends answers and streams when they are released.
 */
export class OwnerDesk implements PartitionListener {
  readonly #partitions = new Map<GroupId, Partition>()
  readonly #topics: OwnerTopics
  readonly #interests: Interests
  readonly #order = new AnswerOrder()
  readonly #reads: OwnerReads
  readonly #count: number
  readonly #post: Post
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #host: OwnerDeskHost
  constructor(deps: {
    partitions: number
    post: Post
    clock: Clock
    timers: Timers
    logger: Logger
    graceMs: number
    host: OwnerDeskHost
  }) {
    this.#count = deps.partitions
    this.#post = deps.post
    this.#clock = deps.clock
    this.#timers = deps.timers
    this.#host = deps.host
    this.#topics = new OwnerTopics({ ...deps, seen: (uid, ua) => this.#seen(uid, ua) })
    const refuse: Refuse = (from, call, name, why) => this.#refuse(from, call, name, why)
    this.#interests = new Interests(this.#topics, deps.post, refuse)
    this.#reads = new OwnerReads(deps.post, refuse, deps.logger)
  }

  add(partition: Partition): void {
    this.#partitions.set(partition.id, partition)
  }

  /**
   * The partition is not on this node any more. Who waits is refused with what is known of its new
   * owner; what was proposed may still commit there, so that is said to be unknown. Idempotent.
   */
  remove(id: GroupId): void {
    const partition = this.#partitions.get(id)
    if (partition === undefined) return
    this.#partitions.delete(id)
    this.#reads.end(partition)
    if (partition.isOwner) partition.follow(partition.term, 0)
    this.#topics.end(id)
  }

  /** Partitions that this node owns now. */
  owned(partition: Partition, term: Term): void {
    this.#topics.begin(partition.id, term)
    this.#host.owned(partition.id, term)
  }

  lost(partition: Partition): void {
    this.#topics.end(partition.id)
  }

  released(_partition: Partition): void {
    this.#topics.flush()
  }

  online(entity: string, uid: string): boolean {
    return this.#topics.find(entity)?.online(uid as UserId) ?? false
  }

  active(entity: string): boolean {
    return this.#topics.find(entity)?.presence.active ?? false
  }

  get leads(): readonly (readonly [GroupId, Term])[] {
    return [...this.#partitions.values()]
      .filter((p) => p.isOwner)
      .map((p) => [p.id, p.term] as const)
  }

  owns(id: GroupId): boolean {
    return this.#partitions.get(id)?.isOwner === true
  }

  get topicCount(): number {
    return this.#topics.size
  }

  nodeDown(node: NodeIndex): void {
    this.#topics.nodeDown(node)
  }

  /** True: it was for the owner's side. */
  receive(from: NodeIndex, m: TopicMessage): boolean {
    switch (m[0]) {
      case topicKinds.publish:
        this.#publish(from, m)
        return true
      case topicKinds.request:
        this.#request(from, m)
        return true
      case topicKinds.interest:
        this.#interests.interest(from, m, this.#owner(m[2], from, m[1]))
        return true
      case topicKinds.watch:
        this.#interests.watch(from, m, this.#owner(m[2], from, m[1]))
        return true
      case topicKinds.unwatch:
        this.#topics.find(m[1])?.unwatch(from, m[2])
        this.#topics.flush()
        return true
      case topicKinds.dropped:
        this.#topics.find(m[1])?.detach(from, m[2], m[3])
        this.#topics.flush()
        return true
      case topicKinds.catchUp:
        this.#reads.catchUp(from, m, this.#owner(m[2], from, m[1]))
        return true
      case topicKinds.ask:
        this.#ask(from, m)
        return true
      case topicKinds.letters:
        this.#letters(from, m)
        return true
      default:
        return false
    }
  }

  // --- what edges ask ---

  #publish(from: NodeIndex, m: Publish): void {
    const [, call, topic, uid, level, sid, producer, n, hash, head, content, noecho, alone] = m
    const partition = this.#owner(topic, from, call)
    if (partition === null) return
    const actor: Actor = { uid, level, sid, node: from, asChan: false, attached: true }
    const key = { producer, n, hash, alone: alone ?? undefined }
    const command: Command = { kind: 'pub', ...key, head, content, noecho }
    const sink = publishSink({
      accept: (outcome) => {
        const part = outcome.parts[0]
        const seq = part?.kind === 'ctrl' && part.code === 202 ? part.params?.['seq'] : undefined
        if (typeof seq === 'number')
          this.#post(from, [topicKinds.accepted, call, seq, this.#clock.now()])
        else this.#answer(from, call, outcome, partition.term)
      },
      fanOut: (outcome) => this.#topics.tell(topic, outcome.events),
      flush: () => this.#topics.flush(),
      refused: (why) => this.#refuse(from, call, topic, why),
    })
    partition.command(topic, actor, command, sink)
  }

  #request(from: NodeIndex, m: Request): void {
    const [, call, topic, [uid, level, sid, asChan, attached], command] = m
    const partition = this.#owner(topic, from, call)
    if (partition === null) return
    const actor: Actor = { uid, level, sid, node: from, asChan, attached }
    // From here on this node gets the stream: nothing after the evaluation may be missed.
    if (command.kind === 'sub') this.#topics.open(partition.id, topic).presence.listen(from)
    const { term } = partition
    partition.command(topic, actor, command, {
      released: (outcome, parcels, after) => {
        if (outcome.attach !== undefined || outcome.detach === true) this.#topics.flush()
        const send = (): void => {
          this.#answer(from, call, outcome, term)
          this.#history(from, call, topic, partition, outcome, after)
        }
        const line = `${from} ${sid} ${topic}`
        const isFree = parcels.length === 0 && !this.#order.waits(line)
        if (isFree || command.kind === 'note') send()
        else {
          const ready = this.#order.put(line, () => {
            // Meanwhile it was detached again, or this owner is no more: asked anew, it is told what holds.
            const holds = this.#topics.find(topic)?.presence.holds(from, sid) === true
            if (outcome.attach === undefined || (holds && partition.term === term)) send()
            else this.#refuse(from, call, topic, 'term-changed')
          })
          // What went to other partitions should have arrived when the client goes on.
          if (parcels.length === 0) ready()
          else this.#whenDelivered(partition, parcels, ready)
        }
        this.#topics.tell(topic, outcome.events)
        // A `{sub}` behind it may be answered in this turn, and is not what this takes out.
        if (outcome.detach === true) this.#topics.flush()
        this.#placed(from, sid, uid, topic, outcome)
        if (command.kind === 'del') this.#sweep(topic)
      },
      refused: (why) => {
        this.#refuse(from, call, topic, why)
        this.#topics.find(topic)?.trim(from)
      },
    })
  }

  /** Follows what the outcome says about the session's place. */
  #placed(from: NodeIndex, sid: string, uid: UserId, name: TopicName, outcome: Outcome): void {
    const topic = this.#topics.find(name)
    if (topic === undefined) return
    const { attach } = outcome
    if (attach !== undefined) topic.attach(from, sid, uid, attach.asChan === true)
    else if (outcome.detach === true) topic.detach(from, sid, uid)
    topic.trim(from)
  }

  /** Removes rows of deleted messages, a batch at a time; what a lost term leaves, the next deletion takes. */
  #sweep(topic: TopicName): void {
    this.#partitions.get(partitionOf(topic, this.#count))?.ask(
      topic,
      { kind: 'sweep' },
      {
        released: ({ answer }) => {
          if (answer === true) this.#sweep(topic)
        },
        refused: () => {
          // Deleted messages are hidden by their log, whether their rows are still there or not.
        },
      },
    )
  }

  #answer(from: NodeIndex, call: number, outcome: Outcome, term: Term): void {
    const { attach } = outcome
    this.#post(from, [
      topicKinds.answer,
      call,
      this.#clock.now(),
      outcome.parts,
      attach === undefined
        ? null
        : [attach.want, attach.given, attach.seq, attach.asChan === true, term],
      outcome.detach === true,
      outcome.needs ?? null,
      outcome.claims ?? null,
    ])
  }

  #history(
    from: NodeIndex,
    call: number,
    topic: TopicName,
    partition: Partition,
    outcome: Outcome,
    after: number,
  ): void {
    for (const part of outcome.parts) {
      if (part.kind === 'history') {
        this.#reads.history(from, call, topic, partition, part, after)
      }
    }
  }

  #ask(from: NodeIndex, [, call, entity, ask]: AskMessage): void {
    const partition = this.#owner(entity, from, call)
    if (partition === null) return
    partition.ask(entity, ask, {
      released: ({ answer, events }, parcels) => {
        const send = (): void => void this.#post(from, [topicKinds.told, call, answer])
        if (parcels.length === 0) send()
        else this.#whenDelivered(partition, parcels, send)
        this.#topics.tell(entity, events)
      },
      refused: (why) => this.#refuse(from, call, entity, why),
    })
  }

  #letters(from: NodeIndex, [, call, source, target, letters]: LettersMessage): void {
    const partition = this.#partitions.get(target)
    if (partition === undefined || !partition.isOwner) return this.#notOwner(from, call, target)
    partition.letters(
      source,
      letters,
      (upTo) => this.#post(from, [topicKinds.taken, call, upTo]),
      (entity, told) => this.#topics.tell(entity, told.events),
    )
  }

  // --- small parts ---

  #whenDelivered(
    partition: Partition,
    parcels: Parameters<Sink<Outcome>['released']>[1],
    then: () => void,
  ): void {
    let left = parcels.length
    let over = false
    const finish = (): void => {
      if (over) return
      over = true
      cancel()
      then()
    }
    const cancel = this.#timers.after(parcelWaitMs, finish)
    for (const parcel of parcels) {
      partition.whenDelivered(parcel, () => {
        left--
        if (left === 0) finish()
      })
    }
  }

  #owner(entity: string, from: NodeIndex, call: number): Partition | null {
    const id = partitionOf(entity, this.#count)
    const partition = this.#partitions.get(id)
    if (partition !== undefined && partition.isOwner) return partition
    this.#notOwner(from, call, id)
    return null
  }

  #notOwner(from: NodeIndex, call: number, id: GroupId): void {
    const { node, term } = this.#host.ownerOf(id)
    this.#post(from, [topicKinds.refused, call, 'not-owner', node, term])
  }

  #refuse(from: NodeIndex, call: number, entity: string, why: Refusal): void {
    const { node, term } = this.#host.ownerOf(partitionOf(entity, this.#count))
    this.#post(from, [topicKinds.refused, call, why, node, term])
  }

  #seen(uid: UserId, ua: string): void {
    const name = uid as string as TopicName
    const partition = this.#partitions.get(partitionOf(name, this.#count))
    partition?.ask(
      name,
      { kind: 'seen', when: this.#clock.now(), ua },
      {
        released: ({ events }) => this.#topics.tell(name, events),
        refused: () => {
          // The ownership went to another node, which is told anew who is there; only the time of leaving is lost.
        },
      },
    )
  }
}
