import { assert } from '../assert.ts'
import type { Random } from '../ports.ts'
import type { Index, RaftId, Term } from './entry.ts'
import type { ConfState } from './entry.ts'
import type { Role } from './ready.ts'

export interface RaftConfig {
  /** This node in the group. Never 0, never used for another member again. */
  readonly id: RaftId
  /** Ticks without a leader before a follower stands, plus a random share of as many again. */
  readonly electionTick: number
  /** Ticks between heartbeats. Below `electionTick`; a tenth is a good value. */
  readonly heartbeatTick: number
  /** Appends under way to one follower. Full: wait for an answer. */
  readonly maxInflightMsgs: number
  /** The same in bytes; soft by one message. */
  readonly maxInflightBytes: number
  /** Bytes of entries in one append; one entry may exceed it. */
  readonly maxSizePerMsg: number
  /** Bytes of committed entries in one Ready; one entry may exceed it. */
  readonly maxCommittedSizePerReady: number
  /** Bytes handed out for applying and not reported back; soft by one entry. Full: hold back. */
  readonly maxApplyingBytes: number
  /** Payload bytes proposed and not yet handed out as committed. Full: proposals are refused. */
  readonly maxUncommittedBytes: number
  /** Ask before raising the term (thesis 9.6). */
  readonly preVote: boolean
  /** A leader without a quorum steps down, and followers of a fresh leader refuse votes (thesis 6.2, 4.2.3). */
  readonly checkQuorum: boolean
  /** A leader that is no voter any more steps down when the others have what it has (membership.ts). */
  readonly stepDownOnRemoval: boolean
  /** Last index applied before the restart; 0 for a new group. */
  readonly applied: Index
  readonly random: Random
  /** What happened, for logs and metrics. Must not call back into the core. */
  readonly trace?: (event: RaftEvent) => void
  /** See mutants.ts. Never set in production. */
  readonly mutant?: string
}

/**
 * Why a member stands for election: it heard no leader for an election timeout; the connection to its
 * leader broke; its leader handed over; the host asked for it.
 */
export type CampaignCause = 'timeout' | 'lost-link' | 'transfer' | 'asked'

export type RaftEvent =
  | {
      readonly kind: 'role'
      readonly role: Role
      readonly term: Term
      readonly lead: RaftId
      /** Of the newest campaign of this member; it is on if the role is a candidate's. */
      readonly cause: CampaignCause
    }
  | { readonly kind: 'vote'; readonly term: Term; readonly to: RaftId; readonly granted: boolean }
  | { readonly kind: 'quorum-lost'; readonly term: Term }
  | { readonly kind: 'campaign-held'; readonly reason: 'not-a-voter' | 'unapplied-conf-change' }
  | { readonly kind: 'conf'; readonly conf: ConfState }
  | { readonly kind: 'snapshot-sent'; readonly to: RaftId; readonly index: Index }
  | { readonly kind: 'snapshot-restored'; readonly index: Index }
  | {
      readonly kind: 'transfer'
      readonly to: RaftId
      readonly stage: 'started' | 'sent' | 'aborted'
    }

/** A wrong bound is a mistake of whoever wires the node together, not a state of the protocol. */
export function checkConfig(config: RaftConfig): void {
  const { id, applied, electionTick, heartbeatTick } = config
  const whole = [config.maxInflightMsgs, config.maxInflightBytes, config.maxSizePerMsg]
  whole.push(config.maxCommittedSizePerReady, config.maxApplyingBytes, config.maxUncommittedBytes)
  assert(Number.isSafeInteger(id) && id > 0, 'RAFT-1', { id })
  assert(Number.isSafeInteger(applied) && applied >= 0, 'RAFT-1', { applied })
  assert(heartbeatTick >= 1, 'RAFT-1', { heartbeatTick })
  assert(electionTick > heartbeatTick, 'RAFT-1', { electionTick, heartbeatTick })
  assert(
    whole.every((bound) => bound >= 1),
    'RAFT-1',
    { whole },
  )
}
