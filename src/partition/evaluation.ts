import type { Told } from '../chat/entity.ts'
import type { Outcome } from '../chat/outcome.ts'
import type { GroupId } from '../ids/group-id.ts'

/**
 * Why an evaluation did not come through. `not-owner` and `queue-full`: certainly nothing happened.
 * `term-changed`: leadership was lost on the way, so it may or may not have happened.
 */
export type Refusal = 'not-owner' | 'queue-full' | 'term-changed' | 'internal'

/** A fact that left with this evaluation; see Partition.whenDelivered. */
export interface Parcel {
  readonly target: GroupId
  readonly counter: number
}

/**
 * Takes what became of one evaluation. Exactly one of the two is called, once. `released` comes
 * after commit (or, for reads, after leadership was confirmed), in the order of evaluation within
 * the partition. `after`: the index that the store must have applied before rows are read for it.
 */
export interface Sink<T extends Outcome | Told> {
  released(result: T, parcels: readonly Parcel[], after: number): void
  refused(why: Refusal): void
  /** Evaluated and proposed; only planted bugs listen (fault-points.ts). */
  proposed?(result: T): void
}
