import type { Entry, HardState, Index, RaftId, Snapshot, Term } from './entry.ts'
import type { Message } from './message.ts'

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader'

/** A read asked for by readIndex(context): it may be answered once `index` is applied here. */
export interface ReadState {
  readonly index: Index
  readonly context: number
}

/**
 * Everything that is outstanding, taken by one call of `ready()`. The host may take the next one
 * before the disk has finished with this one (asynchronous storage): stores happen in the order of
 * the readies, and `afterStore` of one goes out only when its own store and all before it are
 * durable, also when it has nothing to store itself.
 */
export interface Ready {
  readonly role: Role
  readonly lead: RaftId
  readonly term: Term
  /** Goes to disk in one record with `entries`. Null: unchanged. */
  readonly hardState: HardState | null
  /** To be appended after cutting everything at or above entries[0].index. */
  readonly entries: readonly Entry[]
  /** Replaces log and state when present; goes before `entries`. */
  readonly snapshot: Snapshot | null
  /** False: only the commit index moved, no sync is owed. */
  readonly mustSync: boolean
  /** Free to go at once: none of these promises anything about the disk. */
  readonly messages: readonly Message[]
  /** Held until the disk is done; those to this node are then handed to `step`. */
  readonly afterStore: readonly Message[]
  /** On a quorum. Applied in this order, each once; then `appliedTo(last index)`. */
  readonly committed: readonly Entry[]
  readonly reads: readonly ReadState[]
}
