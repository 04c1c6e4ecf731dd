import type { ConfState, Entry, HardState, Index, Snapshot, Term } from './entry.ts'

/** The log no longer holds what was asked for: a snapshot covers it. */
export class Compacted extends Error {
  override readonly name = 'Compacted'
}

/** The log does not hold it yet, or it cannot be had right now without waiting; ask again later. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
}

/**
 * What the core may read of the stable log, at once and without waiting. Entries that only the
 * disk still holds are `Unavailable` until the host has read them back (then it ticks or steps).
 */
export interface StorageView {
  initialState(): { readonly hardState: HardState; readonly conf: ConfState }
  /** First index still held; `lastIndex() + 1` for an empty log. The index before it is the snapshot's. */
  firstIndex(): Index
  lastIndex(): Index
  /** Term of the entry at `index`, for firstIndex()-1 .. lastIndex(). Throws Compacted or Unavailable. */
  term(index: Index): Term
  /** Entries of [lo, hi), at least one, then as many as fit `maxBytes`. Throws Compacted or Unavailable. */
  entries(lo: Index, hi: Index, maxBytes: number): readonly Entry[]
  /** The newest snapshot to send; throws Unavailable when one has to be made first (the host then makes it). */
  snapshot(): Snapshot
}
