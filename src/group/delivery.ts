import { assert, sometimes } from '../assert.ts'
import type { Entry, Index } from '../raft/entry.ts'

interface Parcel {
  readonly entries: readonly Entry[]
  /** False: it waits for the disk to hold the members that its first entry brings. */
  isReady: boolean
}

/**
 * Hands committed entries to the machine, in order and without a gap (GROUP-2). A change of
 * members waits until the log holds the new members: the machine's state must never be ahead of
 * them, or a restart would begin behind the change and never learn of it. Bounded by what the
 * core hands out for applying (maxApplyingBytes).
 */
export class Delivery {
  readonly #deliver: (entries: readonly Entry[]) => void
  #queue: Parcel[] = []
  #delivered: Index
  #handedOut: Index
  /** A snapshot has brought what is at or below. */
  #skipTo: Index = 0
  #holds = 0
  #quiet: (() => void)[] = []
  #isClosed = false

  /** `applied`: the machine's index at the start. */
  constructor(applied: Index, deliver: (entries: readonly Entry[]) => void) {
    this.#delivered = applied
    this.#handedOut = applied
    this.#deliver = deliver
  }

  /** The last index that the machine was given. */
  get delivered(): Index {
    return this.#delivered
  }

  /** The last index that the core has handed out; what lies between waits. A snapshot does not change it. */
  get handedOut(): Index {
    return this.#handedOut
  }

  /** Entries without a change of members. */
  add(entries: readonly Entry[]): void {
    const last = entries[entries.length - 1]
    if (last === undefined) return
    this.#handedOut = last.index
    if (last.index <= this.#skipTo) return
    if ((entries[0] as Entry).index <= this.#skipTo) entries = behind(entries, this.#skipTo)
    if (this.#queue.length === 0 && this.#holds === 0) this.#hand(entries)
    else this.#queue.push({ entries, isReady: true })
  }

  /** A change of members; `ready` is to be called when the new ones are durable. */
  addChange(entry: Entry): () => void {
    const parcel: Parcel = { entries: [entry], isReady: false }
    this.#handedOut = entry.index
    if (entry.index > this.#skipTo) this.#queue.push(parcel)
    return () => {
      parcel.isReady = true
      this.#flush()
    }
  }

  /** Nothing is handed over until the returned function is called. */
  hold(): () => void {
    this.#holds++
    let released = false
    return () => {
      if (released) return
      released = true
      this.#holds--
      this.#flush()
    }
  }

  /** Resolves when the machine has applied all that it was given, or at the close. Only while held. */
  quiet(applied: Index): Promise<void> {
    if (applied >= this.#delivered || this.#isClosed) return Promise.resolve()
    return new Promise((resolve) => this.#quiet.push(resolve))
  }

  appliedTo(index: Index): void {
    if (this.#quiet.length === 0 || index < this.#delivered) return
    for (const wake of this.#quiet.splice(0)) wake()
  }

  /**
   * A snapshot at `index` stands for all up to there. What came in behind it, while it was on its way
   * or its rows were put in place, is still to be handed over: the core hands out nothing twice.
   */
  reset(index: Index): void {
    this.#queue = this.#queue.flatMap((parcel) => {
      const entries = behind(parcel.entries, index)
      if (entries.length === parcel.entries.length) return parcel
      return entries.length === 0 ? [] : { ...parcel, entries }
    })
    sometimes(this.#queue.length > 0, 'group: entries behind a snapshot waited for its rows')
    this.#delivered = index
    this.#skipTo = index
  }

  /** Nothing is handed over any more, and nobody waits. */
  close(): void {
    this.#isClosed = true
    this.#queue = []
    for (const wake of this.#quiet.splice(0)) wake()
  }

  #flush(): void {
    while (this.#holds === 0 && !this.#isClosed) {
      const head = this.#queue[0]
      if (head === undefined || !head.isReady) return
      this.#queue.shift()
      this.#hand(head.entries)
    }
  }

  #hand(entries: readonly Entry[]): void {
    const first = (entries[0] as Entry).index
    assert(first === this.#delivered + 1, 'GROUP-2', { first, delivered: this.#delivered })
    this.#delivered = (entries[entries.length - 1] as Entry).index
    this.#deliver(entries)
  }
}

function behind(entries: readonly Entry[], index: Index): readonly Entry[] {
  return entries.filter((entry) => entry.index > index)
}
