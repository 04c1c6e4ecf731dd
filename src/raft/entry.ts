/** Terms and indexes are whole numbers below 2^53; 0 means "none". Nodes are numbers from 1; 0 is nobody. */
export type Term = number
export type Index = number
export type RaftId = number

export const none: RaftId = 0

/** `normal` with empty data is the entry that opens a leader's term. */
export type EntryKind = 'normal' | 'conf-change'

/** Bytes are opaque to Raft, encoded once by the leader, stored and sent as they are. Never edited. */
export interface Entry {
  readonly term: Term
  readonly index: Index
  readonly kind: EntryKind
  /** For `conf-change`: see confchange.ts (encodeConfChange). */
  readonly data: Uint8Array
}

/** What must be on disk before anything that depends on it leaves the node. */
export interface HardState {
  readonly term: Term
  /** Whom this node voted for in `term`; `none` when nobody. */
  readonly vote: RaftId
  /** May lag behind; never ahead of the durable log. */
  readonly commit: Index
}

/** The members of a group. `outgoing` is empty outside joint consensus (thesis 4.3). */
export interface ConfState {
  readonly voters: readonly RaftId[]
  readonly outgoing: readonly RaftId[]
  readonly learners: readonly RaftId[]
  /** Voters of `outgoing` that become learners when the joint phase ends. */
  readonly learnersNext: readonly RaftId[]
  /** Leave the joint phase by itself once it is applied. */
  readonly autoLeave: boolean
}

export interface SnapshotMeta {
  readonly index: Index
  /** Term of the entry at `index`, not of whoever sends it. */
  readonly term: Term
  /** Members as of `index`. */
  readonly conf: ConfState
}

/** `data` is the host's own: it usually names where the state is streamed from. */
export interface Snapshot {
  readonly meta: SnapshotMeta
  readonly data: Uint8Array
}

export const emptyHardState: HardState = { term: 0, vote: none, commit: 0 }

export const emptyConfState: ConfState = {
  voters: [],
  outgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
}
