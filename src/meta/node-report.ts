import type { GroupId } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import type { FirstConf } from './seed.ts'

/** What each node tells the leader of the meta group, several times a second. */
export interface NodeReport {
  readonly node: NodeIndex
  readonly bootId: number
  /** Of the table this node has applied: it has opened what that gives it. Only rises. */
  readonly tableVersion: number
  /** Groups open here, whether the node is a member of them or not. */
  readonly holds: readonly GroupId[]
  readonly leads: readonly LedGroup[]
}

/** A group as its leader sees it. */
export interface LedGroup {
  /** 0 is meta itself. */
  readonly group: GroupId
  readonly term: number
  readonly conf: FirstConf
  /** A membership change is in the log and not applied. */
  readonly pending: boolean
  /** A majority of the voters knows that the last change is committed, and will know after a restart. */
  readonly sealed: boolean
  readonly commit: number
  /** Everyone the leader replicates to; whether it names itself does not matter. */
  readonly members: readonly LedMember[]
}

export interface LedMember {
  readonly node: NodeIndex
  /** Held up to here, as the leader knows. */
  readonly match: number
  /** Heard from since the leader's last check of its quorum. */
  readonly active: boolean
  readonly learner: boolean
  /** A snapshot is on its way. */
  readonly snapshot: boolean
}

/** Has the shape of Raft's ConfChangeStep. */
export interface ConfStep {
  readonly kind: 'add-voter' | 'add-learner' | 'remove'
  readonly id: NodeIndex
}

/**
 * To the leader of a group: propose this. Carried out only if it still leads in `term`, with exactly
 * `conf`, and the table that it has applied is exactly `tableVersion`. One step goes alone, several
 * go through a joint phase that ends by itself, none ends a joint phase.
 */
export interface ChangeOrder {
  readonly kind: 'change'
  readonly to: NodeIndex
  readonly group: GroupId
  readonly term: number
  readonly conf: FirstConf
  readonly tableVersion: number
  readonly steps: readonly ConfStep[]
}

/**
 * To a node that holds a group of which it is no member: forget it, all but term and vote. Carried
 * out only if the table that it has applied is exactly `tableVersion` and does not name it; it knows
 * of no term of the group above `term`; and it has no entry of `term` above `commit`, which is what
 * the leader had committed without it. Whoever was added since knows more than that.
 */
export interface DropOrder {
  readonly kind: 'drop'
  readonly to: NodeIndex
  readonly group: GroupId
  readonly term: number
  readonly commit: number
  readonly tableVersion: number
}

export type Order = ChangeOrder | DropOrder

export interface PlacementLimits {
  /** Partitions with learners or in a joint phase at a time. Above: the others wait. */
  readonly maxMoves: number
  /** Partitions that one node is catching up with, or is told to forget, at a time. Above: they wait. */
  readonly maxMovesPerNode: number
  /** Entries that a learner may lag behind what is committed and still become a voter. */
  readonly maxLagEntries: number
}

/** Copying is bounded by disks and the bulk connections: few at a time end sooner, and disturb less. */
export const defaultPlacementLimits: PlacementLimits = {
  maxMoves: 8,
  maxMovesPerNode: 4,
  maxLagEntries: 64,
}
