import type { GroupId } from '../ids/group-id.ts'
import type { ConfState, Entry, HardState, Index, SnapshotMeta, Term } from '../raft/entry.ts'
import type { GroupLog } from './group-log.ts'

/** The members of a group as of an index: a conf change takes effect when it is applied. */
export interface ConfAt {
  readonly index: Index
  readonly conf: ConfState
}

/** What one step of a group has to store. It is one record: durable together or not at all. */
export interface Step {
  readonly hardState: HardState | null
  /** Cuts everything at and above entries[0].index first. */
  readonly entries: readonly Entry[]
  /** Replaces the log; before `entries`. */
  readonly snapshot: SnapshotMeta | null
  readonly conf: ConfAt | null
}

export interface LogStats {
  readonly segments: number
  readonly segmentBytes: number
  /** Bytes of entries held in memory. */
  readonly memoryBytes: number
  readonly lastSequence: number
}

/**
 * The Raft logs of all groups of a node. Reads are of memory and see every append at once, durable
 * or not; what depends on the disk waits for `done`.
 */
export interface Log {
  /**
   * Acknowledged records are missing from the end, and not all groups are refilled by their peers.
   * Stays true over restarts until `refilled` is called.
   */
  readonly lostTail: boolean
  /**
   * What this node promised in terms up to here may be forgotten, and in later terms is not. A group
   * that has committed nothing of a later term must not vote (P11). Only rises; 0: nothing was ever lost.
   */
  readonly fence: Term
  /** Durable when it resolves. The fence stays, for groups that have not been opened yet. */
  refilled(): Promise<void>
  /** The log of a group; an empty one is made on first sight. */
  group(id: GroupId): GroupLog
  /** Those that have a log to start from. */
  groups(): readonly GroupId[]
  /**
   * Stores a step. `done` runs, never inside this call, in the order of the appends of all groups,
   * and after the step is durable. With `sync` false the step rides along with a later one and
   * `done` waits only for the synced steps before it.
   */
  append(group: GroupId, step: Step, sync: boolean, done: () => void): void
  /** Drops entries up to `upTo`, which the state machine holds durably. Rides along. */
  compact(group: GroupId, upTo: Index): void
  /**
   * While there are many segments: the groups that have entries in the oldest, and the last of these.
   * Cut up to there, they let it go. A log without segments has none.
   */
  pinned?(): ReadonlyMap<GroupId, Index>
  /**
   * Forgets entries and members of a group. Its term and vote stay, and how far its log had reached
   * (`GroupLog.owed`), for it may come back to this node and must neither promise a second time nor
   * unsay what it has acknowledged. `done` when that is durable.
   */
  removeGroup(group: GroupId, done: () => void): void
  /** Reads entries of [lo, hi) back from the disk, at least one, so that `group(id).entries` has them for now. */
  load(group: GroupId, lo: Index, hi: Index): Promise<void>
  /** Makes everything durable. May be called twice. */
  close(): Promise<void>
  stats(): LogStats
}

/** Why a log cannot be opened. None of these is repaired by trying again. */
export type LogDamage =
  | 'locked'
  | 'version'
  | 'foreign-segment'
  | 'missing-segment'
  | 'bad-segment-header'
  | 'bad-high-water'
  | 'corrupt-middle'
  | 'gap'

/** The directory is in use, of another kind, or damaged in a way that no crash leaves behind. */
export class LogDamaged extends Error {
  override readonly name = 'LogDamaged'
  readonly damage: LogDamage

  constructor(damage: LogDamage, message: string, options?: ErrorOptions) {
    super(`log cannot be opened (${damage}): ${message}`, options)
    this.damage = damage
  }
}

/** The first failed write, sync or rename of an open log. What was under way is unknown. */
export class LogBroken extends Error {
  override readonly name = 'LogBroken'
}
