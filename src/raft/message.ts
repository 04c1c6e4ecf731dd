import type { Entry, Index, RaftId, Snapshot, Term } from './entry.ts'

/** Named as in etcd/raft. The order is the wire number: append only, never reorder. */
export const messageKinds = [
  'append', // leader → follower: entries after (index, logTerm)
  'append-response',
  'heartbeat', // leader → follower; context carries a read request
  'heartbeat-response',
  'pre-vote',
  'pre-vote-response',
  'vote',
  'vote-response',
  'snapshot', // leader → follower that is behind the log's first index
  'timeout-now', // leader → transferee: campaign at once
  'read-index', // follower → leader: forwarded read
  'read-index-response',
  'propose', // follower → leader: forwarded proposal (entries without term and index)
  'transfer-leader', // follower → leader: forwarded transfer request
  'storage-append-response', // to self, after the disk
  'forget-leader',
] as const
export type MessageKind = (typeof messageKinds)[number]

/**
 * One flat shape for all kinds, so that the engine sees one hidden class. Fields that a kind does
 * not use are 0, false, empty or null. Plain data: may be frozen, must not be edited once made.
 */
export interface Message {
  readonly kind: MessageKind
  readonly from: RaftId
  readonly to: RaftId
  readonly term: Term
  /** append: term of the entry at `index`. votes: term of the candidate's last entry. */
  readonly logTerm: Term
  /** append: index before the first entry. append-response: last index that matches, or the rejected one. */
  readonly index: Index
  /**
   * From a leader: what it has committed. append-response and refused votes: what the sender knows
   * to be committed (of a refused vote, `logTerm` is the term of that entry).
   */
  readonly commit: Index
  readonly entries: readonly Entry[]
  readonly snapshot: Snapshot | null
  readonly reject: boolean
  /** append-response with reject: a guess of where the logs still agree (etcd's hint). */
  readonly rejectHint: Index
  /** heartbeat and read-index: id of the read batch. vote: 1 when it follows a transfer. 0: none. */
  readonly context: number
}

const noEntries: readonly Entry[] = []

/** A message of `kind` with everything else empty; `fields` wins. */
export function message(kind: MessageKind, fields: Partial<Omit<Message, 'kind'>>): Message {
  return {
    kind,
    from: fields.from ?? 0,
    to: fields.to ?? 0,
    term: fields.term ?? 0,
    logTerm: fields.logTerm ?? 0,
    index: fields.index ?? 0,
    commit: fields.commit ?? 0,
    entries: fields.entries ?? noEntries,
    snapshot: fields.snapshot ?? null,
    reject: fields.reject ?? false,
    rejectHint: fields.rejectHint ?? 0,
    context: fields.context ?? 0,
  }
}
