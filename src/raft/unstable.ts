import type { Entry, Index, Snapshot, Term } from './entry.ts'
import { assert } from '../assert.ts'

const noEntries: readonly Entry[] = []

/**
 * The tail of the log, and perhaps a snapshot, that the disk has not confirmed. A prefix of it may
 * have been handed out for writing; it stays here until the answer comes.
 */
export class Unstable {
  snapshot: Snapshot | null = null
  snapshotHandedOut = false
  /** Index of the first entry here. Everything below is durable (or in `snapshot`). */
  offset: Index
  /** First index that has not been handed out for writing. */
  handedOutTo: Index
  /** Entries live from `#head` on: acknowledged ones are cut off in bulk, not one copy per answer. */
  #entries: Entry[] = []
  #head = 0

  constructor(offset: Index) {
    this.offset = offset
    this.handedOutTo = offset
  }

  get length(): number {
    return this.#entries.length - this.#head
  }

  /** Index after the last entry. */
  get end(): Index {
    return this.offset + this.length
  }

  /** Term of the entry at `index`, for offset .. end - 1. */
  term(index: Index): Term {
    return (this.#entries[this.#head + index - this.offset] as Entry).term
  }

  /** `index` is in [offset, end). */
  entry(index: Index): Entry {
    return this.#entries[this.#head + index - this.offset] as Entry
  }

  slice(lo: Index, hi: Index): readonly Entry[] {
    const from = this.#head - this.offset
    return lo >= hi ? noEntries : this.#entries.slice(from + lo, from + hi)
  }

  /** Appends one entry at `end`. */
  push(entry: Entry): void {
    this.#entries.push(entry)
  }

  /** Cuts everything at and above `index`; then nothing from there on counts as durable or under way. */
  truncate(index: Index): void {
    if (index <= this.offset) {
      this.#entries = []
      this.#head = 0
      this.offset = index
    } else {
      this.#entries.length = this.#head + index - this.offset
    }
    if (this.handedOutTo > index) this.handedOutTo = index
  }

  restore(snapshot: Snapshot): void {
    this.snapshot = snapshot
    this.snapshotHandedOut = false
    this.#entries = []
    this.#head = 0
    this.offset = snapshot.meta.index + 1
    this.handedOutTo = this.offset
  }

  get hasNext(): boolean {
    return this.handedOutTo < this.end || (this.snapshot !== null && !this.snapshotHandedOut)
  }

  takeEntries(): readonly Entry[] {
    const taken = this.slice(this.handedOutTo, this.end)
    this.handedOutTo = this.end
    return taken
  }

  takeSnapshot(): Snapshot | null {
    if (this.snapshotHandedOut) return null
    this.snapshotHandedOut = true
    return this.snapshot
  }

  /**
   * The disk holds the log up to the entry (index, term). A pair that is not here is the answer to
   * a write that has since been overwritten; it proves nothing.
   */
  stableTo(index: Index, term: Term): void {
    if (index < this.offset || index >= this.end || this.term(index) !== term) return
    assert(index < this.handedOutTo, 'RAFT-8', { index, handedOutTo: this.handedOutTo })
    this.#head += index + 1 - this.offset
    this.offset = index + 1
    if (this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
  }

  /** The disk holds the snapshot at `index`. True: it was the one that is pending. */
  stableSnapshotTo(index: Index): boolean {
    if (this.snapshot === null || this.snapshot.meta.index !== index) return false
    this.snapshot = null
    this.snapshotHandedOut = false
    return true
  }
}
