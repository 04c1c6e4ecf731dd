import { assert, sometimes } from '../assert.ts'
import type { Entry, Index, Snapshot, Term } from './entry.ts'
import type { StorageView } from './storage-view.ts'
import { Compacted, Unavailable } from './storage-view.ts'
import { Unstable } from './unstable.ts'

/** What an entry costs besides its payload: counted so that empty entries are bounded too. */
export const entryOverheadBytes = 16

export function entryBytes(entry: Entry): number {
  return entry.data.length + entryOverheadBytes
}

/** Payload bytes: what the cap on uncommitted proposals counts. */
export function payloadBytes(entries: readonly Entry[]): number {
  let sum = 0
  for (const entry of entries) sum += entry.data.length
  return sum
}

export interface LogLimits {
  readonly maxCommittedSizePerReady: number
  readonly maxApplyingBytes: number
}

const noEntries: readonly Entry[] = []

/**
 * The log as one: what the disk holds, and the unstable tail. The pointers, in the order in which
 * an entry passes them: last ≥ stable; last ≥ committed ≥ applying ≥ applied; stable ≥ applying.
 */
export class RaftLog {
  readonly unstable: Unstable
  committed: Index
  /** Handed out for applying up to here. */
  applying: Index
  applied: Index
  /** Bytes of handed-out pages that `appliedTo` has not released. */
  applyingBytes = 0
  lastTerm: Term
  readonly #storage: StorageView
  readonly #limits: LogLimits
  /** Pages handed out for applying, oldest first: at most maxApplyingBytes / entryOverheadBytes of them. */
  #pages: { readonly lastIndex: Index; readonly bytes: number }[] = []

  constructor(storage: StorageView, committed: Index, applied: Index, limits: LogLimits) {
    this.#storage = storage
    this.#limits = limits
    const stable = storage.lastIndex()
    const firstIndex = storage.firstIndex()
    this.unstable = new Unstable(stable + 1)
    // Entries that are gone are applied, or in a snapshot that was installed: nobody else has them.
    assert(applied >= firstIndex - 1, 'RAFT-2', { applied, firstIndex })
    this.applied = applied
    this.applying = applied
    // The stored commit index may lag behind; what was applied was committed.
    this.committed = Math.max(committed, applied)
    assert(this.committed <= stable, 'RAFT-2', { committed: this.committed, stable })
    this.lastTerm = storage.term(stable)
  }

  get firstIndex(): Index {
    const { snapshot } = this.unstable
    return snapshot === null ? this.#storage.firstIndex() : snapshot.meta.index + 1
  }

  get lastIndex(): Index {
    return this.unstable.end - 1
  }

  /** Durable up to here. Falls when a tail is cut. */
  get stable(): Index {
    return this.unstable.offset - 1
  }

  /** 0 above the last index. Throws Compacted or Unavailable below. */
  term(index: Index): Term {
    const { unstable } = this
    if (index >= unstable.offset) return index < unstable.end ? unstable.term(index) : 0
    const { snapshot } = unstable
    if (snapshot === null) return this.#storage.term(index)
    if (index === snapshot.meta.index) return snapshot.meta.term
    throw new Compacted()
  }

  /** The same, and 0 for an index that is not held, or not without waiting. */
  termOrNone(index: Index): Term {
    try {
      return this.term(index)
    } catch (error) {
      if (error instanceof Compacted || error instanceof Unavailable) return 0
      throw error
    }
  }

  /** Paper 5.4.1: the later last term wins, then the longer log. */
  isUpToDate(index: Index, term: Term): boolean {
    if (term !== this.lastTerm) return term > this.lastTerm
    return index >= this.lastIndex
  }

  /** Appends an entry at lastIndex + 1. */
  append(entry: Entry): void {
    assert(entry.index === this.unstable.end, 'RAFT-3', {
      index: entry.index,
      end: this.unstable.end,
    })
    assert(entry.term >= this.lastTerm, 'RAFT-3', { term: entry.term, lastTerm: this.lastTerm })
    this.unstable.push(entry)
    this.lastTerm = entry.term
  }

  /** Cuts everything at and above `index`, which is above the commit index: committed entries stay. */
  truncate(index: Index): void {
    assert(index > this.committed, 'RAFT-4', { index, committed: this.committed })
    sometimes(index <= this.stable, 'raft: durable entries were overwritten')
    const term = this.term(index - 1)
    this.unstable.truncate(index)
    this.lastTerm = term
  }

  /** Whether the log holds (index, term). Throws Unavailable when that cannot be told now. */
  matches(index: Index, term: Term): boolean {
    if (index > this.lastIndex) return false
    if (index === this.lastIndex) return term === this.lastTerm
    try {
      return this.term(index) === term
    } catch (error) {
      if (error instanceof Compacted) return false
      throw error
    }
  }

  /** Position in `entries`, which follow a matching index, of the first that this log does not hold. */
  firstNew(entries: readonly Entry[]): number {
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i] as Entry
      if (entry.index > this.lastIndex || this.term(entry.index) !== entry.term) return i
    }
    return entries.length
  }

  /**
   * The highest index at or below `index` whose term is not above `term`: where the logs may still
   * agree. One answer skips a whole term instead of one entry. Term 0: not known.
   */
  findConflict(index: Index, term: Term): { readonly index: Index; readonly term: Term } {
    for (let at = index; at > 0; at--) {
      const here = this.termOrNone(at)
      if (here <= term) return { index: at, term: here }
    }
    return { index: 0, term: 0 }
  }

  /** Entries of [lo, hi): at least one, then as many as fit. Throws Compacted or Unavailable. */
  slice(lo: Index, hi: Index, maxBytes: number): readonly Entry[] {
    if (lo >= hi) return noEntries
    const { unstable } = this
    if (lo >= unstable.offset) return this.#fitting(lo, hi, maxBytes)
    if (lo < this.firstIndex) throw new Compacted()
    const wanted = Math.min(hi, unstable.offset)
    const stored = this.#storage.entries(lo, wanted, maxBytes)
    const count = stored.length
    assert(count > 0 && count <= wanted - lo, 'RAFT-5', { lo, wanted, count })
    assert((stored[0] as Entry).index === lo, 'RAFT-5', { lo, first: stored[0]?.index })
    assert((stored[count - 1] as Entry).index === lo + count - 1, 'RAFT-5', { lo, count })
    // One source a slice: what is unstable goes with the next.
    return stored
  }

  commitTo(index: Index): void {
    if (index <= this.committed) return
    assert(index <= this.lastIndex, 'RAFT-6', { index, lastIndex: this.lastIndex })
    this.committed = index
  }

  /** Committed and durable here, and not handed out, while there is room. */
  get hasCommitted(): boolean {
    if (this.unstable.snapshot !== null) return false
    if (this.applyingBytes >= this.#limits.maxApplyingBytes) return false
    return this.applying < Math.min(this.committed, this.stable)
  }

  /** The next page to apply. Throws Unavailable when the disk must be read first. */
  takeCommitted(): readonly Entry[] {
    if (!this.hasCommitted) return noEntries
    const { maxCommittedSizePerReady, maxApplyingBytes } = this.#limits
    const room = Math.min(maxCommittedSizePerReady, maxApplyingBytes - this.applyingBytes)
    const page = this.slice(this.applying + 1, Math.min(this.committed, this.stable) + 1, room)
    let bytes = 0
    for (const entry of page) bytes += entryBytes(entry)
    this.applying += page.length
    this.applyingBytes += bytes
    this.#pages.push({ lastIndex: this.applying, bytes })
    return page
  }

  appliedTo(index: Index): void {
    if (index <= this.applied) return
    assert(index <= this.applying, 'RAFT-7', { index, applying: this.applying })
    this.applied = index
    let done = 0
    for (const page of this.#pages) {
      if (page.lastIndex > index) break
      this.applyingBytes -= page.bytes
      done++
    }
    if (done > 0) this.#pages.splice(0, done)
  }

  /** The snapshot replaces log and state. Only forward. */
  restore(snapshot: Snapshot): void {
    const { index, term } = snapshot.meta
    assert(index > this.committed, 'RAFT-4', { index, committed: this.committed })
    this.unstable.restore(snapshot)
    this.committed = index
    this.lastTerm = term
  }

  /** The disk holds the snapshot at `index`, and the host has put its state in place. */
  snapshotStored(index: Index): void {
    if (!this.unstable.stableSnapshotTo(index)) return
    this.applying = index
    this.applyingBytes = 0
    this.#pages = []
    this.applied = index
  }

  #fitting(lo: Index, hi: Index, maxBytes: number): readonly Entry[] {
    let bytes = entryBytes(this.unstable.entry(lo))
    let end = lo + 1
    for (; end < hi; end++) {
      bytes += entryBytes(this.unstable.entry(end))
      if (bytes > maxBytes) break
    }
    return this.unstable.slice(lo, end)
  }
}
