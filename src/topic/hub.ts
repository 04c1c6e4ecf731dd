import type { Answer, Ask } from '../chat/ask.ts'
import type { SessionId } from '../chat/command.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { partitionOf } from '../ids/routing-key.ts'
import type { TopicName } from '../ids/topic-name.ts'
import { limits } from '../limits.ts'
import type { Letter } from '../partition/outbox.ts'
import type { Clock, Logger, Metrics, Timers } from '../ports.ts'
import type { Term } from '../raft/entry.ts'
import { Calls } from './calls.ts'
import type { AskEntity } from './cards.ts'
import type { Post, TopicMessage } from './messages.ts'
import { topicKinds } from './messages.ts'
import { OwnerDesk } from './owner-desk.ts'
import { expand } from './page-message.ts'
import { ProxyDesk } from './proxy-desk.ts'
import { Requests } from './requests.ts'
import { SearchDesk } from './search-desk.ts'
import { Unanswered } from './topics.ts'
import type { Subscriber, TopicRequest, Topics } from './topics.ts'

/**
 * Orders that a second time might undo what was ordered since. All others only ask, carry a key, or
 * end where they ended before.
 */
const onceAsked: ReadonlySet<Ask['kind']> = new Set(['login-change', 'set-state'])

/**
 * The topic floor of one node. Its edge side takes requests of sessions to the owner of the topic,
 * wherever that is, and passes the owner's stream to them; its owner side answers for the partitions
 * that this node leads. The two meet only through messages, so that it makes no difference whether
 * they are on the same node.
 */
export class Hub implements Topics {
  readonly desk: OwnerDesk
  readonly #self: NodeIndex
  readonly #count: number
  readonly #post: Post
  readonly #clock: Clock
  readonly #nodes: () => Iterable<NodeIndex>
  readonly #calls: Calls
  readonly #proxies: ProxyDesk
  readonly #requests: Requests
  readonly #search: SearchDesk

  constructor(deps: {
    self: NodeIndex
    partitions: number
    post: Post
    /** The other members. */
    nodes: () => Iterable<NodeIndex>
    clock: Clock
    timers: Timers
    logger: Logger
    metrics: Metrics
    presenceGraceMs: number
  }) {
    this.#self = deps.self
    this.#count = deps.partitions
    this.#post = deps.post
    this.#clock = deps.clock
    this.#nodes = deps.nodes
    const calls = new Calls(deps)
    this.#calls = calls
    const ask: AskEntity = (entity, question, until) => this.#ask(entity, question, until)
    const { partitions, post, clock, timers, logger, metrics } = deps
    this.#proxies = new ProxyDesk({ partitions, post, calls, ask, clock, timers, metrics })
    this.#requests = new Requests({ partitions, calls, proxies: this.#proxies, ask, clock, logger })
    this.#search = new SearchDesk({ ask, clock, logger })
    this.desk = new OwnerDesk({
      partitions,
      post,
      clock,
      timers,
      logger,
      graceMs: deps.presenceGraceMs,
      host: {
        ownerOf: (partition) => this.#hint(partition),
        owned: (partition, term) => this.#ownedHere(partition, term),
      },
    })
  }

  close(): void {
    this.#calls.close()
  }

  /** Topics to which somebody listens on this node, and those that it owns. */
  get topics(): number {
    return this.#proxies.size + this.desk.topicCount
  }

  ownerOf(partition: GroupId): NodeIndex {
    return this.#calls.ownerOf(partition)
  }

  termOf(partition: GroupId): Term {
    return this.#calls.termOf(partition)
  }

  // --- sessions ---

  request(from: Subscriber, request: TopicRequest, done: () => void): void {
    const { command, topic } = request
    if (this.#search.takes(request)) return this.#search.request(from, request, done)
    const attachment = this.#proxies.get(topic)?.sessions.get(from.sid)
    const attached = attachment?.live === true
    if (command.kind === 'pub') {
      return this.#requests.publish(from, request, command, attachment, done)
    }
    if (command.kind === 'leave' && !command.unsub) {
      if (attachment !== undefined) this.#proxies.depart(from.sid, topic)
      this.#requests.say(from, request, attached ? 200 : 304, attached ? undefined : 'not joined')
      return done()
    }
    if (command.kind === 'sub') {
      // Whether it is attached is for the owner to find out: it may be about to detach it.
      const entering = this.#proxies.arrive(from, request)
      return this.#requests.command(from, request, command, entering, done)
    }
    this.#requests.command(from, request, command, attached, done)
  }

  eased(sid: SessionId): void {
    this.#proxies.eased(sid)
  }

  forget(sid: SessionId): void {
    this.#search.forget(sid)
    this.#proxies.forget(sid)
    this.#requests.forget(sid)
  }

  isAttached(sid: SessionId, topic: TopicName): boolean {
    return this.#proxies.isAttached(sid, topic)
  }

  ask(entity: string, ask: Ask): Promise<Answer | undefined> {
    return this.#ask(entity, ask, undefined)
  }

  order(entity: string, ask: Ask): Promise<Answer | Unanswered> {
    return this.#order(entity, ask, undefined)
  }

  async #ask(entity: string, ask: Ask, until: number | undefined): Promise<Answer | undefined> {
    const answer = await this.#order(entity, ask, until)
    return answer instanceof Unanswered ? undefined : answer
  }

  #order(entity: string, ask: Ask, until: number | undefined): Promise<Answer | Unanswered> {
    const { requestDeadlineMs } = limits
    const forMs = until === undefined ? requestDeadlineMs : until - this.#clock.monotonic()
    return new Promise((resolve) => {
      this.#calls.call(
        partitionOf(entity, this.#count),
        (call) => [topicKinds.ask, call, entity, ask],
        forMs,
        (m) => {
          if (m[0] === topicKinds.told) resolve(m[2])
          return 'done'
        },
        (why) => resolve(new Unanswered(why)),
        onceAsked.has(ask.kind) ? 'once' : 'again',
      )
    })
  }

  // --- the cluster ---

  receive(from: NodeIndex, m: TopicMessage): void {
    if (this.desk.receive(from, m)) return
    switch (m[0]) {
      case topicKinds.events:
        this.#proxies.get(m[1])?.events(m[2], m[3].map(expand))
        break
      case topicKinds.refused:
        this.#calls.refused(from, m)
        break
      case topicKinds.leads:
        for (const [partition, term] of m[1]) this.#owner(partition, from, term)
        break
      default:
        this.#calls.answer(m[1] as number, m)
    }
  }

  nodeUp(node: NodeIndex): void {
    const { leads } = this.desk
    if (leads.length > 0) this.#post(node, [topicKinds.leads, leads])
    for (const partition of this.#calls.up(node)) this.#proxies.ownerChanged(partition)
  }

  nodeDown(node: NodeIndex): void {
    this.#calls.down(node)
    this.desk.nodeDown(node)
  }

  /** Carries letters of one of our partitions to the owner of another. */
  carry(
    source: GroupId,
    target: GroupId,
    letters: readonly Letter[],
    done: (upTo: number | null) => void,
  ): void {
    this.#calls.call(
      target,
      (call) => [topicKinds.letters, call, source, target, letters],
      limits.requestDeadlineMs,
      (m) => {
        done(m[0] === topicKinds.taken ? m[2] : null)
        return 'done'
      },
      () => done(null),
    )
  }

  /** For whoever asked in vain here: this node is no answer, unless it does own the partition. */
  #hint(partition: GroupId): { node: NodeIndex; term: Term } {
    const node = this.#calls.ownerOf(partition)
    const isPast = node === this.#self && !this.desk.owns(partition)
    return { node: isPast ? 0 : node, term: this.#calls.termOf(partition) }
  }

  #ownedHere(partition: GroupId, term: Term): void {
    for (const node of this.#nodes()) this.#post(node, [topicKinds.leads, [[partition, term]]])
    this.#owner(partition, this.#self, term)
  }

  #owner(partition: GroupId, node: NodeIndex, term: Term): void {
    if (this.#calls.owns(partition, node, term)) this.#proxies.ownerChanged(partition)
  }
}
