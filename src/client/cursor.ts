import { assert } from '../assert.ts'

/** The seqs since..before-1, to be fetched from history. */
export interface SeqSpan {
  readonly since: number
  readonly before: number
}

/**
 * Turns what arrives of a topic (live, from history, twice, with holes after a reconnect) into each
 * seq once and in order. Says which span is missing; a seq that history does not have either, or that
 * the server says is deleted, is passed over. Pure: it fetches nothing itself.
 */
export class Cursor<M> {
  readonly #deliver: (message: M) => void
  /** The last seq delivered or passed over; null until the first message tells where "live" begins. */
  #last: number | null
  /** What the topic's seq was at the first attach; null before. Nothing below it is wanted. */
  #floor: number | null = null
  /** The highest seq known to exist. */
  #target = 0
  /** Arrived ahead of a hole. Null: told to be deleted. */
  readonly #held = new Map<number, M | null>()

  /** `since`: the first seq wanted, or null for everything from the attach on. */
  constructor(since: number | null, deliver: (message: M) => void) {
    this.#last = since === null ? null : Math.max(since, 1) - 1
    this.#deliver = deliver
  }

  /** The last seq that was delivered or passed over; 0 for none. */
  get last(): number {
    return this.#last ?? 0
  }

  /** What it has: everything up to here. Null before the first attach of one that wants no past. */
  get place(): number | null {
    return this.#last ?? this.#floor
  }

  /** The server streams everything above `place` from now on. `seq`: where the topic stands. */
  resumed(seq: number): void {
    // Below our place its numbers are not those that we know: the topic began anew.
    this.#last = Math.min(this.place ?? seq, seq)
    this.#target = this.#last
    this.#held.clear()
  }

  /** The server says that these, half-open, are deleted, or not for this reader. */
  deleted(low: number, hi: number): void {
    for (let seq = low; seq < Math.min(hi, low + maxHeld); seq++) this.#arrived(seq, null)
  }

  /** The topic's seq as told after an attach. */
  attached(seq: number): void {
    if (this.#last === null) {
      if (this.#floor === null) {
        this.#floor = seq
        return
      }
      this.#last = this.#floor
    }
    this.#target = Math.max(this.#target, seq)
  }

  /** A message arrived, from wherever. */
  arrived(seq: number, message: M): void {
    this.#arrived(seq, message)
  }

  #arrived(seq: number, message: M | null): void {
    if (this.#last === null) {
      const isHole = this.#floor !== null && seq > this.#floor
      this.#last = isHole ? (this.#floor as number) : seq - 1
    }
    if (seq <= this.#last) return
    this.#target = Math.max(this.#target, seq)
    // Above the bound it is dropped here and fetched later, since the target remembers it.
    if (seq === this.#last + 1 || this.#held.size < maxHeld) this.#held.set(seq, message)
    this.#drain()
  }

  /** What is missing before anything more can be delivered, at most a page; null: nothing. */
  missing(): SeqSpan | null {
    if (this.#last === null || this.#last >= this.#target) return null
    let before = Math.min(this.#target + 1, this.#last + 1 + pageSeqs)
    for (const seq of this.#held.keys()) if (seq < before) before = seq
    return { since: this.#last + 1, before }
  }

  /** History has told all it has of the span. */
  fetched(span: SeqSpan): void {
    if (this.#last === null) return
    assert(span.since <= this.#last + 1, 'CLIENT-2', { ...span, last: this.#last })
    while (this.#last < span.before - 1) {
      this.#last++
      this.#release(this.#last)
    }
    this.#drain()
  }

  #drain(): void {
    if (this.#last === null) return
    while (this.#held.has(this.#last + 1)) {
      this.#last++
      this.#release(this.#last)
    }
  }

  #release(seq: number): void {
    const message = this.#held.get(seq)
    if (message === undefined) return
    this.#held.delete(seq)
    if (message !== null) this.#deliver(message)
  }
}

/** Messages kept while a hole before them is filled. */
const maxHeld = 1_024

/** Seqs asked for at once: not more than a server gives in one page. */
const pageSeqs = 100
