/** One key set, or removed when `value` is null. Keys and values are not edited once handed over. */
export interface Op {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/** Keys k with gte <= k < lt, compared byte by byte, a prefix before what it begins. */
export interface KeyRange {
  readonly gte: Uint8Array
  readonly lt: Uint8Array
}

export interface RangeQuery extends KeyRange {
  /** From the end towards the start. */
  readonly reverse?: boolean
  /** At most so many pairs. */
  readonly limit?: number
}

export type Pair = [key: Uint8Array, value: Uint8Array]

/**
 * The applied state of a node: ordered keys and values. Writes take effect in the order of the
 * calls, each call as a whole. They are not on disk before `sync`; what a crash takes is replayed
 * from the Raft log.
 *
 * The first error of a write poisons the store (STORE-6): that call and every later one is
 * rejected with {@link StoreBroken}, and `onFatal` is told once. A failed write is unknown, not undone.
 */
export interface Store {
  /**
   * The last run did not end cleanly and the machine was restarted since, or LevelDB found its WAL
   * damaged: unsynced writes may be lost from the middle (measured, see docs/internals/store.md), so the applied index of a group proves nothing, and
   * every group replays its log from the start. True until `trust` is called, over restarts too.
   */
  readonly doubtful: boolean
  /** The caller has written every group's applied index back to the start of its log. Durable when it resolves. */
  trust(): Promise<void>

  get(key: Uint8Array): Promise<Uint8Array | undefined>
  range(query: RangeQuery): Promise<Pair[]>
  /** Resolves when a read would see it. */
  write(ops: readonly Op[]): Promise<void>
  /** Not atomic: a crash may leave a part of the range. In order with the writes around it. */
  deleteRange(range: KeyRange): Promise<void>
  /**
   * Gives the disk back what was removed from `range`, about `removedBytes`, if that is worth while.
   * Changes nothing that is read. False: not done now; ask again when more was removed. A store
   * without this gives space back at once.
   */
  reclaim?(range: KeyRange, removedBytes: number): Promise<boolean>
  /** Resolves when all writes called before it would survive a loss of power. */
  sync(): Promise<void>
  /** A view of what the writes finished so far have made; later ones do not change it. */
  snapshot(): StoreSnapshot
  /** Finishes the writes under way and syncs. May be called twice. */
  close(): Promise<void>
}

export interface StoreSnapshot {
  /**
   * Hands over the pairs of `range` in key order, in chunks of about `chunkBytes`. The next chunk
   * is read when the promise of `chunk` has resolved; false ends it early.
   */
  iterate(
    range: KeyRange,
    chunkBytes: number,
    chunk: (pairs: readonly Pair[]) => Promise<boolean>,
  ): Promise<void>
  /** Must be called, or the store keeps old data for ever. May be called twice. */
  close(): Promise<void>
}

/** The store has failed before and takes nothing more; the node is about to stop. */
export class StoreBroken extends Error {
  override readonly name = 'StoreBroken'
}
