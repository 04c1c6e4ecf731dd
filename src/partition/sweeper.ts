import type { Ask } from '../chat/ask.ts'
import type { ChatLimits, Told } from '../chat/entity.ts'
import { isSweepDue } from '../chat/retention.ts'
import type { Cancel, Clock, Timers } from '../ports.ts'
import type { Sink } from './evaluation.ts'
import type { PartitionRows } from './partition-rows.ts'

/** Between two looks, ms. In each at most one topic is swept, of at most maxSwept rows (chat/topic-state.ts). */
const lookEveryMs = 500
/** Idle topics looked at in one look: two short reads each. */
const topicsPerLook = 4
/** Topics known to have more to be swept than goes along with their batches. Above: the round finds them. */
const maxKnown = 1_024
/** Rows left in a topic from which on it is worth a sweep of its own. */
const worthSweeping = 64

const sweep: Ask = { kind: 'sweep' }

/**
 * Removes in the background what falls out of retention and does not go along with a topic's own
 * batches: rows left by a lower limit, and messages of idle topics, which grow old by themselves.
 * Goes round all conversations of the partition, at a bounded rate, while this node owns it.
 */
export class Sweeper {
  readonly #rows: PartitionRows
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #limits: ChatLimits
  readonly #ask: (name: string, ask: Ask, sink: Sink<Told>) => void
  readonly #broken: (error: unknown) => void
  readonly #known = new Set<string>()
  /** Where the round goes on; null: at the first topic. */
  #next: Uint8Array | null = null
  #ticking: Cancel | null = null
  #isBusy = false

  constructor(deps: {
    rows: PartitionRows
    clock: Clock
    timers: Timers
    limits: ChatLimits
    ask: (name: string, ask: Ask, sink: Sink<Told>) => void
    broken: (error: unknown) => void
  }) {
    this.#rows = deps.rows
    this.#clock = deps.clock
    this.#timers = deps.timers
    this.#limits = deps.limits
    this.#ask = deps.ask
    this.#broken = deps.broken
  }

  /** This node owns the partition: nothing is done before, or after `stop`. */
  start(): void {
    if (this.#isLimited) this.#tick()
  }

  stop(): void {
    this.#ticking?.()
    this.#ticking = null
    this.#known.clear()
    this.#isBusy = false
  }

  /** A topic has written its rows, and `unswept` rows of it are hidden and still there. */
  noticed(name: string, unswept: number): void {
    if (unswept < worthSweeping || this.#known.size >= maxKnown) return
    this.#known.add(name)
    this.#tick()
  }

  get #isLimited(): boolean {
    return this.#limits.keepMessages > 0 || this.#limits.keepMessagesS > 0
  }

  #tick(): void {
    this.#ticking ??= this.#timers.every(lookEveryMs, () => {
      if (!this.#isBusy) this.#look()
    })
  }

  #look(): void {
    const [name] = this.#known
    if (name !== undefined) {
      this.#known.delete(name) // comes back by `noticed` while more is left
      return this.#sweep(name)
    }
    if (!this.#isLimited) return this.stop()
    const ticking = this.#ticking
    this.#isBusy = true
    this.#findDue().then(
      (due) => {
        if (this.#ticking !== ticking) return // the term ended meanwhile
        this.#isBusy = false
        for (const one of due) this.#known.add(one)
      },
      (error: unknown) => this.#broken(error),
    )
  }

  #sweep(name: string): void {
    const ticking = this.#ticking
    this.#isBusy = true
    const done = (): void => {
      if (this.#ticking === ticking) this.#isBusy = false
    }
    // Refused: the owner changes, and the next one goes round too.
    this.#ask(name, sweep, { released: done, refused: done })
  }

  async #findDue(): Promise<string[]> {
    const due: string[] = []
    for (let i = 0; i < topicsPerLook; i++) {
      const found = await this.#rows.nextConversation(this.#next)
      this.#next = found?.after ?? null
      if (found === null) break
      const times =
        this.#limits.keepMessagesS === 0 ? undefined : await this.#rows.timesOf(found.entity)
      if (isSweepDue(found.head, times, this.#clock.now(), this.#limits)) due.push(found.name)
    }
    return due
  }
}
