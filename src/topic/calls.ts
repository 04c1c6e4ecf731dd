import { sometimes } from '../assert.ts'
import type { ErrorCode } from '../errors.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import type { Cancel, Clock, Counter, Gauge, Metrics, Timers } from '../ports.ts'
import type { Term } from '../raft/entry.ts'
import type { Post, Refused, TopicMessage } from './messages.ts'

/** Calls of this node that are not answered yet. Above: refused at once as `queue-full`. */
const maxCalls = 50_000
/** How often calls are looked at for deadlines and for another try, ms. */
const sweepMs = 25

/**
 * What a call is worth when the fate of a try is not known: it was sent, and its owner is lost or
 * gave up its term before it answered.
 * `again`: it may be done twice, or does nothing. Sent to the next owner; only that one's answer counts.
 * `keyed`: it has an idempotency key. Sent to the next owner; any try's answer may count.
 * `once`: a second time it might undo what others did since, or be refused for its own first
 * success. Never sent again, but told as `no-answer`.
 */
export type Repeat = 'again' | 'keyed' | 'once'
/**
 * Takes answers. `again`: this was no answer yet, send the call once more a little later. `isLast`:
 * it answers the last try. `isDoubtful`: an earlier one may have been done.
 */
export type OnAnswer = (
  message: TopicMessage,
  isLast: boolean,
  isDoubtful: boolean,
) => 'done' | 'more' | 'again'
/** Makes the message of a try: its number, and whether an earlier try may have been done. */
export type MakeMessage = (call: number, isDoubtful: boolean) => TopicMessage
export type OnFailure = (why: ErrorCode) => void

interface Call {
  /** The number of its last try. */
  id: number
  /** Numbers of tries before that whose answers are taken, too. Few: one for each change of owner. */
  readonly earlier: number[]
  readonly lane: Lane
  readonly make: MakeMessage
  readonly repeat: Repeat
  readonly answered: OnAnswer
  readonly failed: OnFailure
  readonly deadline: number
  /** 0: held back. */
  sentTo: NodeIndex
  /** It left this node at least once: from then on a failure is unknown. */
  everSent: boolean
  /** The last try was refused: nothing more will be told of it. */
  isRefused: boolean
  /** What became of an earlier try is not known. */
  isDoubtful: boolean
}

/** Calls to the owner of one partition, in the order in which they were made. */
interface Lane {
  /** 0: not known. */
  owner: NodeIndex
  /** The owner to which the link broke; it may be the owner still when the link is back. */
  lost: NodeIndex
  term: Term
  readonly calls: Set<Call>
}

/**
 * Calls of this node to the owners of partitions, wherever they are. A call whose owner is not
 * known waits; one whose owner changed goes to the new one, all of a partition in their order, so
 * that what a session sent first takes effect first. Safe because publishes carry their idempotency
 * key, and what may not be done twice is sent again only when it certainly was not done. Each try has a number of its own, since what became of
 * an earlier one may be told late: of what may be done twice only the last try's answer counts. Else
 * a late answer to `{sub}` would be taken, and the `{leave}` in front of it, which was sent again
 * because its own answer was lost with a link, would undo it afterwards.
 */
export class Calls {
  readonly #lanes: Lane[]
  readonly #byId = new Map<number, Call>()
  readonly #post: Post
  readonly #clock: Clock
  readonly #sweeping: Cancel
  readonly #resent: Counter
  readonly #open: Gauge
  readonly #refusedFull: Counter
  #next = 1
  #size = 0

  constructor(deps: {
    partitions: number
    post: Post
    clock: Clock
    timers: Timers
    metrics: Metrics
  }) {
    this.#lanes = Array.from({ length: deps.partitions + 1 }, () => ({
      owner: 0,
      lost: 0,
      term: 0,
      calls: new Set<Call>(),
    }))
    this.#post = deps.post
    this.#clock = deps.clock
    this.#resent = deps.metrics.counter('calls_resent_total', 'Calls sent again to another owner')
    this.#open = deps.metrics.gauge('calls_open', 'Calls to owners without an answer yet')
    this.#refusedFull = deps.metrics.counter(
      'calls_queue_full_total',
      'Calls refused because too many were open',
    )
    this.#sweeping = deps.timers.every(sweepMs, () => this.#sweep())
  }

  close(): void {
    this.#sweeping()
  }

  ownerOf(partition: GroupId): NodeIndex {
    return this.#lanes[partition]?.owner ?? 0
  }

  termOf(partition: GroupId): Term {
    return this.#lanes[partition]?.term ?? 0
  }

  /**
   * `make` gets the number of the call, which is also what orders calls; it is asked at every try.
   * `forMs`: the deadline.
   */
  call(
    partition: GroupId,
    make: MakeMessage,
    forMs: number,
    answered: OnAnswer,
    failed: OnFailure,
    repeat: Repeat = 'again',
  ): void {
    const lane = this.#lanes[partition]
    if (lane === undefined || this.#size >= maxCalls) {
      this.#refusedFull.add()
      return failed('queue-full')
    }
    const id = this.#next++
    const deadline = this.#clock.monotonic() + forMs
    const call: Call = {
      id,
      lane,
      earlier: [],
      make,
      repeat,
      answered,
      failed,
      deadline,
      sentTo: 0,
      everSent: false,
      isRefused: false,
      isDoubtful: false,
    }
    this.#size++
    lane.calls.add(call)
    this.#byId.set(id, call)
    if (lane.owner !== 0) this.#send(call, lane.owner)
  }

  /** An answer came; late and repeated ones find nothing and are dropped. */
  answer(id: number, message: TopicMessage): void {
    const call = this.#byId.get(id)
    if (call === undefined) return
    const verdict = call.answered(message, id === call.id, call.isDoubtful)
    if (verdict === 'done') this.#remove(call)
    else if (verdict === 'again') call.sentTo = 0
  }

  refused(from: NodeIndex, [, id, why, owner, term]: Refused): void {
    const call = this.#byId.get(id)
    if (call === undefined) return
    const { lane } = call
    if (id !== call.id) {
      // Another try is under way, and will be answered.
      call.isDoubtful ||= why === 'term-changed' || why === 'internal'
      return
    }
    if (why === 'queue-full' || why === 'internal') {
      this.#remove(call)
      // This try came to nothing, but one before it may have been done.
      return call.failed(why === 'queue-full' && call.isDoubtful ? 'no-answer' : why)
    }
    call.isRefused = true
    if (why === 'term-changed') this.#doubt(call)
    if (call.sentTo === from) call.sentTo = 0
    if (lane.owner === from && term >= lane.term && owner !== from) lane.owner = 0
    if (owner !== 0 && term > lane.term) this.#setOwner(lane, owner, term)
  }

  /**
   * `node` says that it owns the partition in `term`. False when that is old. Said again in the same
   * term it counts, too: the owner began anew, or a link between us broke, and this node need not have noticed.
   */
  owns(partition: GroupId, node: NodeIndex, term: Term): boolean {
    const lane = this.#lanes[partition]
    if (lane === undefined || term < lane.term) return false
    this.#setOwner(lane, node, term)
    return true
  }

  /** The link to `node` broke: what was sent there is sent again when an owner is known. */
  down(node: NodeIndex): void {
    for (const lane of this.#lanes) {
      if (lane.owner === node) {
        lane.owner = 0
        lane.lost = node
      }
      for (const call of lane.calls) {
        if (call.sentTo !== node) continue
        call.sentTo = 0
        this.#doubt(call)
      }
    }
  }

  /**
   * The link to `node` is back: what it owned it may own still, and it tells of it only when it has
   * noticed, too. Returns the partitions for which it is asked first again.
   */
  up(node: NodeIndex): GroupId[] {
    const again: GroupId[] = []
    for (const [partition, lane] of this.#lanes.entries()) {
      if (lane.owner !== 0 || lane.lost !== node) continue
      this.#setOwner(lane, node, lane.term)
      again.push(partition)
    }
    return again
  }

  #setOwner(lane: Lane, owner: NodeIndex, term: Term): void {
    const sameTerm = lane.term === term && lane.owner === owner
    lane.owner = owner
    lane.lost = 0
    lane.term = term
    for (const call of lane.calls) {
      if (sameTerm && call.sentTo === owner) continue
      // The one before may have done it, and says so or is lost; it has the rest of the time for that.
      if (call.repeat === 'once' && call.sentTo !== 0) continue
      this.#send(call, owner)
    }
  }

  #send(call: Call, owner: NodeIndex): void {
    if (call.everSent) this.#resent.add()
    sometimes(call.everSent, 'topic: a call was sent again to another owner')
    if (call.sentTo !== 0) call.isDoubtful = true
    if (call.everSent) this.#renumber(call)
    if (!this.#post(owner, call.make(call.id, call.isDoubtful))) return // held back until the sweep or another owner
    call.sentTo = owner
    call.everSent = true
  }

  #renumber(call: Call): void {
    if (call.repeat === 'keyed' && !call.isRefused) call.earlier.push(call.id)
    else this.#byId.delete(call.id)
    call.isRefused = false
    call.id = this.#next++
    this.#byId.set(call.id, call)
  }

  /** Nobody will tell what became of its last try. */
  #doubt(call: Call): void {
    call.isDoubtful = true
    if (call.repeat !== 'once') return
    sometimes(true, 'topic: what may not be done twice was lost with its owner')
    this.#remove(call)
    call.failed('no-answer')
  }

  #remove(call: Call): void {
    if (call.lane.calls.delete(call)) this.#size--
    this.#byId.delete(call.id)
    for (const id of call.earlier) this.#byId.delete(id)
  }

  #sweep(): void {
    const now = this.#clock.monotonic()
    this.#open.set(this.#size)
    if (this.#size === 0) return
    for (const lane of this.#lanes) {
      for (const call of lane.calls) {
        if (call.deadline <= now) {
          this.#remove(call)
          call.failed(call.everSent ? 'no-answer' : 'no-owner')
        } else if (call.sentTo === 0 && lane.owner !== 0) this.#send(call, lane.owner)
      }
    }
  }
}
