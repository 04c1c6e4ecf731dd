import { Packr } from 'msgpackr'
import { assert } from '../assert.ts'
import type { OutboxItem } from '../chat/outcome.ts'
import type { GroupId } from '../ids/group-id.ts'
import { partitionOf } from '../ids/routing-key.ts'
import type { Cancel, Gauge, Timers } from '../ports.ts'
import type { Effect } from './effect.ts'
import type { Parcel } from './evaluation.ts'
import { counterValue, outboxCounterKey, outboxItemKey } from './rows.ts'

/** A fact with its place in the order from one partition to another. */
export interface Letter {
  readonly counter: number
  readonly item: OutboxItem
}

/**
 * Carries letters to the owner of `target`. `done(upTo)`: all up to that counter are committed
 * there; null: no answer, ask again.
 */
export type Carrier = (
  target: GroupId,
  letters: readonly Letter[],
  done: (upTo: number | null) => void,
) => void

/** Letters under way to one partition at a time. More wait their turn in the queue, which is state. */
const maxLettersInFlight = 256
/** ms before a delivery without an answer is tried again. */
const retryMs = 50

interface Lane {
  /** Last counter given out. */
  last: number
  /** Letters up to here are committed and may travel; those behind still wait for their entry. */
  committed: number
  readonly queue: Letter[]
  busy: boolean
  /** Called when the letter with this counter has arrived. */
  readonly waiting: { counter: number; wake: () => void }[]
}

const packr = new Packr({ useRecords: false })

/**
 * Facts of one partition for entities of others: part of its replicated state, delivered in order
 * and exactly once (the receiver keeps the last counter per source). Lives at the owner; a new
 * owner reads it back from the rows and goes on.
 */
export class Outbox {
  readonly #lanes = new Map<GroupId, Lane>()
  readonly #timers: Timers
  readonly #carry: Carrier
  readonly #partitions: number
  readonly #waitingLetters: Gauge
  /** Letters that arrived and whose rows the next batch removes. */
  #arrived: Effect[] = []
  #letters = 0
  #retry: Cancel | null = null
  #closed = false
  readonly #batchDue: () => void

  constructor(deps: {
    timers: Timers
    carry: Carrier
    partitions: number
    waiting: Gauge
    /** Rows of arrived letters are to be removed: make a batch, if none is under way. */
    batchDue: () => void
  }) {
    this.#timers = deps.timers
    this.#carry = deps.carry
    this.#partitions = deps.partitions
    this.#waitingLetters = deps.waiting
    this.#batchDue = deps.batchDue
  }

  /** A row found at opening; items come in key order, so in the order of their counters. */
  restoreCounter(target: GroupId, last: number): void {
    const lane = this.#lane(target)
    lane.last = last
    lane.committed = last
  }

  restoreItem(target: GroupId, counter: number, value: Uint8Array): void {
    const lane = this.#lane(target)
    const before = lane.queue.at(-1)
    assert(before === undefined || before.counter < counter, 'PARTITION-3', { target, counter })
    lane.queue.push({ counter, item: packr.unpack(value) as OutboxItem })
    this.#letters++
  }

  /** Puts items into the batch being made: gives their rows. They travel when `send` is called after commit. */
  add(items: readonly OutboxItem[], effects: Effect[]): Parcel[] {
    const parcels: Parcel[] = []
    for (const item of items) {
      const target = partitionOf(item.to, this.#partitions)
      const lane = this.#lane(target)
      const counter = ++lane.last
      lane.queue.push({ counter, item })
      this.#letters++
      effects.push({ key: outboxItemKey(target, counter), value: packr.pack(item) })
      effects.push({ key: outboxCounterKey(target), value: counterValue(counter) })
      parcels.push({ target, counter })
    }
    return parcels
  }

  /** Removals due, taken into the batch being made. */
  takeArrived(effects: Effect[]): void {
    for (const effect of this.#arrived) effects.push(effect)
    this.#arrived = []
  }

  get hasArrived(): boolean {
    return this.#arrived.length > 0
  }

  /** The entry with these parcels has committed: they may go. */
  committed(parcels: readonly Parcel[]): void {
    for (const { target, counter } of parcels) {
      const lane = this.#lane(target)
      lane.committed = Math.max(lane.committed, counter)
    }
    for (const { target } of parcels) this.#sendLane(target)
  }

  sendAll(): void {
    for (const target of this.#lanes.keys()) this.#sendLane(target)
  }

  /** Calls `then` when the parcel has been committed at its target, at once if it has been already. */
  whenDelivered(parcel: Parcel, then: () => void): void {
    const lane = this.#lanes.get(parcel.target)
    const first = lane?.queue[0]
    if (lane === undefined || first === undefined || first.counter > parcel.counter) then()
    else lane.waiting.push({ counter: parcel.counter, wake: then })
  }

  /** The ownership is lost: nothing is sent any more. Waiters are left to their deadlines. */
  close(): void {
    this.#closed = true
    this.#retry?.()
  }

  #sendLane(target: GroupId): void {
    const lane = this.#lanes.get(target)
    if (this.#closed || lane === undefined || lane.busy) return
    const letters = lane.queue
      .slice(0, maxLettersInFlight)
      .filter((letter) => letter.counter <= lane.committed)
    if (letters.length === 0) return
    lane.busy = true
    this.#carry(target, letters, (upTo) => {
      lane.busy = false
      if (this.#closed) return
      if (upTo === null) {
        this.#retry ??= this.#timers.after(retryMs, () => {
          this.#retry = null
          this.sendAll()
        })
        return
      }
      this.#arrive(target, lane, upTo)
      this.#sendLane(target)
    })
  }

  #arrive(target: GroupId, lane: Lane, upTo: number): void {
    let n = 0
    for (const { counter } of lane.queue) {
      if (counter > upTo) break
      this.#arrived.push({ key: outboxItemKey(target, counter), value: null })
      n++
    }
    lane.queue.splice(0, n)
    this.#letters -= n
    this.#waitingLetters.set(this.#letters)
    for (let i = lane.waiting.length - 1; i >= 0; i--) {
      const waiter = lane.waiting[i]
      if (waiter !== undefined && waiter.counter <= upTo) {
        lane.waiting.splice(i, 1)
        waiter.wake()
      }
    }
    if (n > 0) this.#batchDue()
  }

  #lane(target: GroupId): Lane {
    let lane = this.#lanes.get(target)
    if (lane === undefined) {
      lane = { last: 0, committed: 0, queue: [], busy: false, waiting: [] }
      this.#lanes.set(target, lane)
    }
    return lane
  }
}
