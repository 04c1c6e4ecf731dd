import type { Entry, Index, RaftId, Term } from '../raft/entry.ts'

/**
 * What a group drives; implemented by partitions and by meta. Its state is rows of the node's
 * store, all with keys of its group, and the index that they stand for. Called by one group, never
 * from inside a call of its own into the group, except that `committed` may call `applied`.
 */
export interface StateMachine {
  /**
   * Entries on a quorum, in order, each once, without a gap, as soon as that is known. The machine
   * writes their effect together with the applied index, and calls `group.applied(index)` when its
   * store holds them. Members' changes are the group's business, but come along, so that the
   * indexes have no gap.
   */
  committed(entries: readonly Entry[]): void
  /** This node leads `term`, and everything of earlier terms is committed and applied here. */
  lead(term: Term): void
  /**
   * This node does not lead (any more). Speculative state is to be dropped; the fate of
   * outstanding proposals is unknown. Called at the start too, and when the leader or term changes.
   */
  follow(term: Term, lead: RaftId): void
  /** The index that the rows in the store stand for, as read when the machine was made; then as last applied. */
  applied(): Index
  /**
   * A snapshot is about to replace all rows of the group, and everything handed over is applied.
   * Resolves when the machine writes nothing of its own until `restored`.
   */
  restoring?(): Promise<void>
  /** A snapshot replaced all rows of the group. Read them anew; `applied` then says what they stand for. */
  restored(): Promise<void>
}
