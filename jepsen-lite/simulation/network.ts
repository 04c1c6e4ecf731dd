import type { Prng } from '../prng.ts'
import type { RaftId } from '../../src/raft/entry.ts'
import type { Message } from '../../src/raft/message.ts'
import { decodeRaft, encodeRaft } from '../../src/wire/raft-frames.ts'
import type { Counts } from './counts.ts'
import type { EventQueue } from './event-queue.ts'
import type { NetworkPlan } from './plan.ts'

/** Sent before and perhaps sent again, per link. */
const keptForReplay = 16

/** More than there are machines. */
const linkBase = 4_096

/** From one machine to another, one way. */
class Link {
  /** Messages under way. */
  underWay = 0
  /** Rises when what is under way is lost. */
  epoch = 0
  /** Partitions that cut it; 0: open. */
  cuts = 0
  /** Nothing arrives before. */
  clogged = 0
  lastArrival = 0
  /**
   * Under way on a link that keeps its order, oldest first. Many may arrive at one time, and events
   * of one time come in no order: whichever comes first brings the oldest.
   */
  readonly queue: Message[] = []
  old: Message[] = []
}

/** Every directed link between machines, with what can go wrong on it. */
export class Network {
  readonly #plan: NetworkPlan
  readonly #random: Prng
  readonly #queue: EventQueue
  readonly #counts: Counts
  readonly #arrive: (m: Message) => void
  readonly #links = new Map<number, Link>()
  /** Links that healing has closed for good or opened for good; null: faults are on. */
  #core: ReadonlySet<RaftId> | null = null

  constructor(
    plan: NetworkPlan,
    random: Prng,
    queue: EventQueue,
    counts: Counts,
    arrive: (m: Message) => void,
  ) {
    this.#plan = plan
    this.#random = random
    this.#queue = queue
    this.#counts = counts
    this.#arrive = arrive
  }

  send(sent: Message): void {
    const link = this.#link(sent.from, sent.to)
    if (!this.isOpen(sent.from, sent.to)) return this.#drop()
    if (this.#core === null) {
      if (link.underWay >= this.#plan.capacity) return this.#drop()
      if (this.#random.chance(this.#plan.loss)) return this.#drop()
    }
    const m = this.#prepare(sent)
    this.#travel(link, m)
    if (this.#core !== null) return
    if (this.#random.chance(this.#plan.duplicate)) {
      this.#counts.add('network: a message came twice')
      this.#travel(link, m)
    }
    if (this.#plan.replay > 0) this.#replay(link, m)
  }

  /** Whether a message that leaves or arrives now gets through. */
  isOpen(from: RaftId, to: RaftId): boolean {
    if (this.#core !== null) return this.#core.has(from) && this.#core.has(to)
    return this.#link(from, to).cuts === 0
  }

  /** The time one message takes now, ms. */
  delay(from: RaftId, to: RaftId): number {
    const ms = this.#plan.minMs + this.#random.exponential(this.#plan.meanMs)
    return this.#core === null ? Math.max(ms, this.#link(from, to).clogged - this.#queue.now) : ms
  }

  cut(from: RaftId, to: RaftId): void {
    this.#link(from, to).cuts++
  }

  mend(from: RaftId, to: RaftId): void {
    this.#link(from, to).cuts--
  }

  /** Whatever `from` has sent and nobody has received is lost: it was still in its own memory. */
  forget(from: RaftId): void {
    for (const [key, link] of this.#links) if (Math.floor(key / linkBase) === from) link.epoch++
  }

  clog(from: RaftId, to: RaftId, until: number): void {
    this.#link(from, to).clogged = until
  }

  /** From now on links within `core` are sound, and all others dead. */
  heal(core: ReadonlySet<RaftId>): void {
    this.#core = core
  }

  #travel(link: Link, m: Message): void {
    const ms = this.delay(m.from, m.to)
    let at = this.#queue.now + ms
    if (this.#plan.keepsOrder) at = Math.max(at, link.lastArrival)
    else if (at < link.lastArrival) this.#counts.add('network: a message overtook another')
    link.lastArrival = Math.max(link.lastArrival, at)
    link.underWay++
    const { epoch } = link
    if (this.#plan.keepsOrder) link.queue.push(m)
    this.#queue.after(at - this.#queue.now, () => {
      link.underWay--
      const arrived = this.#plan.keepsOrder ? (link.queue.shift() as Message) : m
      if (epoch === link.epoch && this.isOpen(arrived.from, arrived.to)) this.#arrive(arrived)
      else this.#drop()
    })
  }

  #replay(link: Link, m: Message): void {
    if (link.old.length < keptForReplay) link.old.push(m)
    else link.old[this.#random.below(keptForReplay)] = m
    if (!this.#random.chance(this.#plan.replay)) return
    const old = this.#random.pick(link.old)
    if (old.term < m.term) this.#counts.add('network: a message of an older term came again')
    this.#travel(link, old)
  }

  #prepare(m: Message): Message {
    let sent = m
    if (this.#plan.encodes) {
      const decoded = decodeRaft(encodeRaft(1, m))
      if (decoded === null) throw new Error(`the codec refuses its own ${m.kind}`)
      sent = decoded.message
    }
    if (this.#plan.freezes) freeze(sent)
    return sent
  }

  #drop(): void {
    this.#counts.add('network: a message was lost')
  }

  #link(from: RaftId, to: RaftId): Link {
    const key = from * linkBase + to
    let link = this.#links.get(key)
    if (link === undefined) {
      link = new Link()
      this.#links.set(key, link)
    }
    return link
  }
}

/** Sender and receiver share the message: whoever edits it throws. (Bytes cannot be frozen.) */
function freeze(m: Message): void {
  for (const entry of m.entries) Object.freeze(entry)
  Object.freeze(m.entries)
  if (m.snapshot !== null) {
    Object.freeze(m.snapshot)
    Object.freeze(m.snapshot.meta)
    Object.freeze(m.snapshot.meta.conf)
  }
  Object.freeze(m)
}
