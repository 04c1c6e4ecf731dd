import type { NodeIndex } from '../ids/node-index.ts'
import type { Clock, Counter, Gauge, Metrics, Timers } from '../ports.ts'
import type { PeerMessage } from '../wire/peer-frames.ts'
import { peerKinds } from '../wire/peer-kinds.ts'
import type { BootId } from './identity.ts'
import { Deadlines, type Due } from './deadlines.ts'

/**
 * How a question ended. Only `answer` carries one. After `not-sent` it certainly was not carried
 * out; after `lost` and `timeout` nobody knows.
 */
export type RequestEnd = 'answer' | 'not-sent' | 'lost' | 'timeout'

export type RequestDone = (answer: unknown, end: RequestEnd) => void

/** Answers one question, once; further calls are ignored. May be called at once or much later. */
export type Reply = (answer: unknown) => void

export interface RequestsOptions {
  /** Where questions and answers leave: usually `Peers.post`. */
  readonly post: (to: NodeIndex, message: PeerMessage) => boolean
  /** Of this start of this node: answers meant for an earlier one are not taken. */
  readonly bootId: BootId
  /** Carries out a question of a peer. */
  readonly serve: (from: NodeIndex, body: unknown, reply: Reply) => void
  readonly timers: Timers
  readonly clock: Clock
  readonly metrics: Metrics
  /** Questions without an end. Above: `ask` ends at once as `not-sent`. */
  readonly maxOutstanding?: number
}

/**
 * Questions and answers over the links. Every question ends exactly once: with its answer, at its
 * deadline, or at once when the link to the node goes down.
 *
 *     [request, asker's boot id, number, body]      [response, asker's boot id, number, answer]
 */
export class Requests {
  readonly #post: RequestsOptions['post']
  readonly #serve: RequestsOptions['serve']
  readonly #bootId: BootId
  readonly #clock: Clock
  readonly #maxOutstanding: number
  readonly #gauge: Gauge
  readonly #timeouts: Counter
  readonly #full: Counter
  readonly #waiting = new Map<number, Waiting>()
  readonly #deadlines: Deadlines<Waiting>
  #lastNumber = 0

  constructor(options: RequestsOptions) {
    const { metrics } = options
    this.#post = options.post
    this.#serve = options.serve
    this.#bootId = options.bootId
    this.#clock = options.clock
    this.#maxOutstanding = options.maxOutstanding ?? 65_536
    this.#gauge = metrics.gauge('peer_requests', 'Questions to peers without an answer yet')
    this.#timeouts = metrics.counter('peer_request_timeouts_total', 'Questions that timed out')
    this.#full = metrics.counter('peer_requests_refused_total', 'Questions above the bound')
    this.#deadlines = new Deadlines(options.timers, options.clock, (waiting) => {
      this.#timeouts.add()
      this.#end(waiting, null, 'timeout')
    })
  }

  get outstanding(): number {
    return this.#waiting.size
  }

  /** `done` is called once; for `not-sent` before this returns, otherwise later. */
  ask(to: NodeIndex, body: unknown, timeoutMs: number, done: RequestDone): void {
    if (this.#waiting.size >= this.#maxOutstanding) {
      this.#full.add()
      done(null, 'not-sent')
      return
    }
    const number = ++this.#lastNumber
    if (!this.#post(to, [peerKinds.request, this.#bootId, number, body])) {
      done(null, 'not-sent')
      return
    }
    const dueAt = this.#clock.monotonic() + timeoutMs
    const waiting: Waiting = { number, to, done, dueAt, before: null, after: null, slot: -1 }
    this.#waiting.set(number, waiting)
    this.#gauge.set(this.#waiting.size)
    this.#deadlines.add(waiting)
  }

  /** True when the message was a question or an answer, and has been dealt with. */
  receive(from: NodeIndex, message: PeerMessage): boolean {
    const [kind, bootId, number, value] = message
    if (kind === peerKinds.response) {
      const waiting = this.#waiting.get(number as number)
      if (bootId === this.#bootId && waiting?.to === from) this.#end(waiting, value, 'answer')
      return true
    }
    if (kind !== peerKinds.request) return false
    let isAnswered = false
    this.#serve(from, value, (answer) => {
      if (isAnswered) return
      isAnswered = true
      // A lost answer is the asker's business: its link went down or its deadline will pass.
      this.#post(from, [peerKinds.response, bootId, number, answer])
    })
    return true
  }

  /** The node went down: what was asked of it may or may not happen. */
  down(node: NodeIndex): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.to === node) this.#end(waiting, null, 'lost')
    }
  }

  /** Ends everything as lost. */
  close(): void {
    for (const waiting of this.#waiting.values()) this.#end(waiting, null, 'lost')
    this.#deadlines.close()
  }

  #end(waiting: Waiting, answer: unknown, end: RequestEnd): void {
    this.#deadlines.remove(waiting)
    this.#waiting.delete(waiting.number)
    this.#gauge.set(this.#waiting.size)
    waiting.done(answer, end)
  }
}

interface Waiting extends Due<Waiting> {
  readonly number: number
  readonly to: NodeIndex
  readonly done: RequestDone
}
