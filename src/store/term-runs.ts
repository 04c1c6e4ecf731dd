import { assert } from '../assert.ts'
import type { Index, Term } from '../raft/entry.ts'

/**
 * The terms of a log's entries: a list of where each term starts. Terms change rarely, so this
 * answers for every entry without holding any.
 */
export class TermRuns {
  #starts: Index[]
  #terms: Term[]

  /** `index` is the first that it answers for. */
  constructor(index: Index, term: Term) {
    this.#starts = [index]
    this.#terms = [term]
  }

  /** The entry at `index`, the next one of the log, is of `term`. */
  push(index: Index, term: Term): void {
    const last = this.#terms[this.#terms.length - 1] as Term
    assert(term >= last, 'STORE-2', { index, term, last })
    if (term === last) return
    this.#starts.push(index)
    this.#terms.push(term)
  }

  /** The entries at and above `index` are gone. */
  cutFrom(index: Index): void {
    while (this.#starts.length > 1 && (this.#starts[this.#starts.length - 1] as Index) >= index) {
      this.#starts.pop()
      this.#terms.pop()
    }
  }

  /** Nothing below `index` is asked for any more. */
  cutBelow(index: Index): void {
    let drop = 0
    while (drop + 1 < this.#starts.length && (this.#starts[drop + 1] as Index) <= index) drop++
    if (drop === 0) return
    this.#starts.splice(0, drop)
    this.#terms.splice(0, drop)
  }

  /** Term of the entry at `index`, which is in the log. */
  at(index: Index): Term {
    let run = this.#starts.length - 1
    while (run > 0 && (this.#starts[run] as Index) > index) run--
    return this.#terms[run] as Term
  }

  /** The same log with `older` entries before it, and `start` before those. */
  behind(
    start: { index: Index; term: Term },
    older: readonly { index: Index; term: Term }[],
  ): TermRuns {
    const next = new TermRuns(start.index, start.term)
    for (const { index, term } of older) next.push(index, term)
    for (let run = 0; run < this.#starts.length; run++) {
      const index = this.#starts[run] as Index
      const term = this.#terms[run] as Term
      if (index > start.index && term > 0) next.push(index, term)
      // The run may have begun at or before `start`, and go on behind it.
      else if (term > start.term) next.push(start.index + 1, term)
    }
    return next
  }

  clone(): TermRuns {
    const copy = new TermRuns(0, 0)
    copy.#starts = this.#starts.slice()
    copy.#terms = this.#terms.slice()
    return copy
  }
}
