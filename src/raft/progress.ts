import type { Index, RaftId } from './entry.ts'
import type { Inflights } from './inflights.ts'

/**
 * - probe: one append at a time until the follower says where it stands;
 * - replicate: appends are pipelined within the in-flight window;
 * - snapshot: nothing is sent until the snapshot has arrived or failed.
 */
export type ProgressState = 'probe' | 'replicate' | 'snapshot'

/** What the leader knows of one member, itself included. */
export class Progress {
  readonly id: RaftId
  /** Highest index known to be durable there. Never moves back within a term. */
  match: Index = 0
  /** First index to send next. Always above `match`. */
  next: Index
  state: ProgressState = 'probe'
  /** In state snapshot: the index that the snapshot will bring the follower to. */
  pendingSnapshot: Index = 0
  /** Heard from since the last check of the quorum. */
  recentActive = false
  /** State probe: an append is under way and the answer is awaited. */
  probeSent = false
  /** An append is owed even when it has no entries: it brings out whether earlier ones were lost. */
  nudge = false
  isLearner: boolean
  /** Highest commit index sent along. */
  sentCommit: Index = 0
  /** Commit index that the follower has said it knows. */
  knownCommit: Index = 0
  /** Newest read round this member has confirmed in this term. */
  readAcked = 0
  readonly inflights: Inflights
  readonly #keepsWindow: boolean

  constructor(
    id: RaftId,
    next: Index,
    isLearner: boolean,
    inflights: Inflights,
    keepsWindow = false,
  ) {
    this.id = id
    this.next = next
    this.isLearner = isLearner
    this.inflights = inflights
    this.#keepsWindow = keepsWindow
  }

  becomeProbe(): void {
    const arrived = this.state === 'snapshot' ? this.pendingSnapshot : 0
    this.#become('probe')
    this.next = Math.max(this.match, arrived) + 1
    this.sentCommit = Math.min(this.sentCommit, this.next - 1)
  }

  becomeReplicate(): void {
    this.#become('replicate')
    this.next = this.match + 1
  }

  becomeSnapshot(index: Index): void {
    this.#become('snapshot')
    this.pendingSnapshot = index
    this.next = index + 1
    this.sentCommit = index
  }

  /** No append may go now. */
  get isPaused(): boolean {
    switch (this.state) {
      case 'probe':
        return this.probeSent
      case 'replicate':
        return this.inflights.isFull
      case 'snapshot':
        return true
    }
  }

  /** An append with `count` entries of `bytes` went out. */
  sent(count: number, bytes: number, commit: Index): void {
    if (this.state === 'replicate') {
      if (count > 0) {
        this.next += count
        this.inflights.add(this.next - 1, bytes)
      }
    } else {
      this.probeSent = true
    }
    this.nudge = false
    if (commit > this.sentCommit) this.sentCommit = commit
  }

  /** The follower holds everything up to `index`. False: nothing new. */
  acknowledge(index: Index): boolean {
    if (index <= this.match) return false
    this.match = index
    if (this.next <= index) this.next = index + 1
    this.probeSent = false
    return true
  }

  /**
   * The follower refused the append after `rejected`; the logs may agree at `hint`. False: the
   * answer is stale, and `next` stays, or a late refusal would start a storm of resends.
   */
  refuse(rejected: Index, hint: Index): boolean {
    if (this.state === 'replicate') {
      if (rejected <= this.match) return false
      this.inflights.narrow()
      this.next = this.match + 1
      this.sentCommit = Math.min(this.sentCommit, this.match)
      return true
    }
    if (this.state === 'snapshot' || this.next - 1 !== rejected) return false
    this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1)
    this.sentCommit = Math.min(this.sentCommit, this.next - 1)
    this.probeSent = false
    return true
  }

  #become(state: ProgressState): void {
    this.state = state
    this.probeSent = false
    this.nudge = false
    this.pendingSnapshot = 0
    if (!this.#keepsWindow) this.inflights.reset()
  }
}
