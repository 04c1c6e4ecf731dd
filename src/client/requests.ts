import type { Cancel } from '../ports.ts'
import { noAnswer, notSent, outcomeOf, type Outcome } from './outcome.ts'
import { metaParts, type Ctrl, type Meta } from './protocol.ts'
import type { Surroundings } from './surroundings.ts'

/** How a request ended, with the `{meta}` that came for it. */
export interface Answer {
  readonly outcome: Outcome
  readonly metas: readonly Meta[]
}

export type AnswerDone = (answer: Answer) => void

interface Pending {
  readonly id: string
  readonly dueAt: number
  /** Answers still to come; a `{get}` of three words has three. */
  left: number
  readonly metas: Meta[]
  readonly done: AnswerDone
  isSent: boolean
}

/** Requests without an answer, by id. Each ends exactly once. */
export class ClientRequests {
  readonly #surroundings: Surroundings
  readonly #pending = new Map<string, Pending>()
  #nextId: number
  #cancelSweep: Cancel | null = null

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings
    // As the stock libraries do, so that ids of two runs rarely meet in a log.
    this.#nextId = 1 + surroundings.random.below(0x1ffff)
  }

  get size(): number {
    return this.#pending.size
  }

  /** A new request that is due in `timeoutMs` and wants `answers` answers; its id. */
  open(timeoutMs: number, answers: number, done: AnswerDone): string {
    const id = String(this.#nextId++)
    const dueAt = this.#surroundings.clock.monotonic() + timeoutMs
    this.#pending.set(id, { id, dueAt, left: answers, metas: [], done, isSent: false })
    this.#cancelSweep ??= this.#surroundings.timers.after(sweepMs, this.#sweep)
    return id
  }

  isOpen(id: string): boolean {
    return this.#pending.has(id)
  }

  /** From here on nobody but the server knows whether it happens. */
  sent(id: string): void {
    const pending = this.#pending.get(id)
    if (pending !== undefined) pending.isSent = true
  }

  /** Does any request that was sent wait for its answer? */
  get isAwaiting(): boolean {
    for (const pending of this.#pending.values()) if (pending.isSent) return true
    return false
  }

  ctrl(ctrl: Ctrl): void {
    const pending = ctrl.id === undefined ? undefined : this.#pending.get(ctrl.id)
    if (pending === undefined) return
    pending.left--
    if (pending.left <= 0 || ctrl.code >= 400) this.#end(pending, outcomeOf(ctrl))
  }

  meta(meta: Meta): void {
    const pending = meta.id === undefined ? undefined : this.#pending.get(meta.id)
    if (pending === undefined) return
    pending.metas.push(meta)
    for (const part of metaParts) if (meta[part] !== undefined) pending.left--
    if (pending.left > 0) return
    const { topic } = meta
    this.#end(pending, { kind: 'ok', code: 200, text: 'ok', topic, params: {} })
  }

  /** Ends one that could not be sent. */
  refuse(id: string, why: string): void {
    const pending = this.#pending.get(id)
    if (pending !== undefined) this.#end(pending, notSent(why))
  }

  /** The connection is gone: what was sent on it is unknown. What was not sent still waits. */
  connectionLost(): void {
    for (const pending of this.#pending.values()) {
      if (pending.isSent) this.#end(pending, noAnswer('closed'))
    }
  }

  /** Ends all. */
  close(): void {
    this.#cancelSweep?.()
    this.connectionLost()
    for (const pending of this.#pending.values()) this.#end(pending, notSent('closed'))
  }

  #end(pending: Pending, outcome: Outcome): void {
    this.#pending.delete(pending.id)
    pending.done({ outcome, metas: pending.metas })
  }

  readonly #sweep = (): void => {
    this.#cancelSweep = null
    const now = this.#surroundings.clock.monotonic()
    for (const pending of this.#pending.values()) {
      if (pending.dueAt > now) continue
      this.#end(pending, pending.isSent ? noAnswer('timeout') : notSent('no connection in time'))
    }
    if (this.#pending.size > 0) {
      this.#cancelSweep ??= this.#surroundings.timers.after(sweepMs, this.#sweep)
    }
  }
}

/** How late a deadline may be noticed, ms. */
const sweepMs = 25
