import { assert } from '../assert.ts'
import type { Entry, Index, Term } from '../raft/entry.ts'
import type { Release } from './batch.ts'
import { refuse } from './batch.ts'
import type { Parcel, Refusal } from './evaluation.ts'

/** A closed batch: `entry` is done when it has committed, `read` when leadership was confirmed after it. */
interface Pending {
  readonly kind: 'entry' | 'read'
  readonly index: Index
  readonly term: Term
  readonly bytes: number
  readonly releases: readonly Release[]
  done: boolean
}

/**
 * Batches of one term in the order of their evaluation. Only what stands at the head and is done
 * leaves: so answers and events keep the order in which they were decided.
 */
export class ReleaseQueue {
  #pending: Pending[] = []
  #bytes = 0

  /** Payload bytes proposed and not committed. */
  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#pending.length
  }

  entry(proposed: { index: Index; term: Term }, bytes: number, releases: readonly Release[]): void {
    const { index, term } = proposed
    this.#bytes += bytes
    this.#pending.push({ kind: 'entry', index, term, bytes, releases, done: false })
  }

  /** `after`: index that the store must hold for it. Returns what to call with the verdict on leadership. */
  read(after: Index, term: Term, releases: readonly Release[]): (confirmed: boolean) => void {
    const pending: Pending = { kind: 'read', index: after, term, bytes: 0, releases, done: false }
    this.#pending.push(pending)
    return (confirmed) => {
      const at = this.#pending.indexOf(pending)
      if (pending.done || at < 0) return
      if (confirmed) pending.done = true
      else {
        this.#pending.splice(at, 1)
        refuse(releases, 'term-changed')
      }
    }
  }

  /** Marks the batch of a committed entry, and with it every read that was evaluated before. True: one was found. */
  committed(entry: Entry): boolean {
    const at = this.#pending.findIndex((p) => p.kind === 'entry' && p.index === entry.index)
    const found = this.#pending[at]
    if (found === undefined) return false
    assert(found.term === entry.term, 'PARTITION-4', { pending: found.term, entry: entry.term })
    for (let i = 0; i <= at; i++) {
      const earlier = this.#pending[i]
      // Committing in this term proves that it was led until now.
      if (earlier !== undefined && (i === at || earlier.kind === 'read')) earlier.done = true
    }
    return true
  }

  /** Releases what is due; `parcels` is told what left with each, before its sink is. True: something was due. */
  release(parcelsOf: (parcels: readonly Parcel[]) => void): boolean {
    let released = false
    for (;;) {
      const head = this.#pending[0]
      if (head === undefined || !head.done) return released
      this.#pending.shift()
      this.#bytes -= head.bytes
      for (const { parcels } of head.releases) if (parcels.length > 0) parcelsOf(parcels)
      for (const { sink, result, parcels } of head.releases) {
        sink.released(result, parcels, head.index)
      }
      released = true
    }
  }

  /** The term is over: nothing of it is released any more. */
  drop(why: Refusal): void {
    const pending = this.#pending
    this.#pending = []
    this.#bytes = 0
    for (const { releases } of pending) refuse(releases, why)
  }
}
