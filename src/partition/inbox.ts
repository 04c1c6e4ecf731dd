import type { Told } from '../chat/entity.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { Effect } from './effect.ts'
import type { Sink } from './evaluation.ts'
import type { Letter } from './outbox.ts'
import { counterValue, inboxKey } from './rows.ts'

/** Evaluates one letter; calls `evaluated` when that happened (the answer comes with the commit). */
export type LetterRule = (letter: Letter, sink: Sink<Told>, evaluated: () => void) => void

interface Delivery {
  readonly letters: readonly Letter[]
  readonly done: (upTo: number | null) => void
  at: number
  open: number
  failed: boolean
}

/**
 * What a partition took from the outboxes of others: the last counter per source is part of its
 * state, in the same entry as what the letter changed, so that a letter counts exactly once.
 * Letters of one source are evaluated strictly one after the other. A new one is made for each term.
 */
export class Inbox {
  /** Last counter evaluated, by source. */
  readonly #last = new Map<GroupId, number>()
  readonly #running = new Set<GroupId>()

  restore(source: GroupId, last: number): void {
    this.#last.set(source, last)
  }

  /** The row that says so; in the entry of the letter's effects. */
  taken(source: GroupId, counter: number): Effect {
    this.#last.set(source, counter)
    return { key: inboxKey(source), value: counterValue(counter) }
  }

  /**
   * Evaluates letters that are new. `done(counter)`: all up to there are committed. `done(null)`:
   * ask again (a delivery of that source is under way, one is missing before these, or ownership
   * was lost).
   */
  take(
    source: GroupId,
    letters: readonly Letter[],
    done: (upTo: number | null) => void,
    rule: LetterRule,
  ): void {
    if (this.#running.has(source)) return done(null)
    this.#running.add(source)
    const delivery: Delivery = { letters, done, at: 0, open: 1, failed: false }
    this.#next(source, delivery, rule)
  }

  #next(source: GroupId, delivery: Delivery, rule: LetterRule): void {
    for (;;) {
      const letter = delivery.letters[delivery.at]
      if (letter === undefined || delivery.failed) return this.#close(source, delivery)
      const last = this.#last.get(source) ?? 0
      delivery.at++
      if (letter.counter <= last) continue
      if (letter.counter !== last + 1) {
        delivery.failed = true
        continue
      }
      delivery.open++
      let now = true
      let evaluated = false
      rule(letter, this.#sink(source, delivery), () => {
        evaluated = true
        if (!now) this.#next(source, delivery, rule)
      })
      now = false
      if (!evaluated) return // its entity is being read; goes on from there
    }
  }

  #sink(source: GroupId, delivery: Delivery): Sink<Told> {
    return {
      released: () => this.#close(source, delivery),
      refused: () => {
        delivery.failed = true
        this.#close(source, delivery)
      },
    }
  }

  /** Counts down: the evaluating loop is one, each letter under way is one. */
  #close(source: GroupId, delivery: Delivery): void {
    delivery.open--
    if (delivery.open > 0) return
    this.#running.delete(source)
    const last = delivery.letters[delivery.letters.length - 1]
    delivery.done(delivery.failed || last === undefined ? null : last.counter)
  }
}
