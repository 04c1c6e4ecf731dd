import type { NodeIndex } from '../ids/node-index.ts'
import type { Table } from '../ring/table.ts'

/**
 * `joining`: has an index, holds nothing yet. `active`: may hold partitions. `draining`: hands over
 * what it holds. `removed`: gone for ever; kept so that its index is not granted again and its node
 * is told why it is refused.
 */
export type MemberState = 'joining' | 'active' | 'draining' | 'removed'

export interface Member {
  readonly index: NodeIndex
  /** Unique among members that are not removed. */
  readonly name: string
  /** host:port for other nodes; unique among members that are not removed. */
  readonly address: string
  /** host:port for clients; empty when clients reach the node under its own name only. */
  readonly clientAddress: string
  /** Failure zone; empty: a zone of its own. */
  readonly zone: string
  readonly state: MemberState
  /** Of the node's present life, as it announced it; rises with each start; 0 until then. */
  readonly bootId: number
  /** Of the node's disk, as it announced it first: hex; '' until then. Another one is another disk. */
  readonly incarnation: string
}

/** The plain token is shown once, to the person who asked for it, and stored nowhere. */
export interface JoinToken {
  /** SHA-256 of the token, hex. */
  readonly hash: string
  /** Wall clock, ms since 1970. */
  readonly expiresAtMs: number
  /** For whoever joins with it; opaque here, and of use only to who has the plain token. */
  readonly sealed: string
}

/** What group 0 replicates. Immutable: a command gives a new value that shares what is unchanged. */
export interface MetaState {
  readonly clusterId: string
  /** What may be written by all nodes: the least version that every member understands. */
  readonly formatVersion: number
  /** P, a power of two; fixed for the life of the cluster. */
  readonly partitions: number
  readonly replicationFactor: number
  readonly vnodes: number
  /** The next index to grant; only rises, so that no index is ever used twice (P7). */
  readonly nextIndex: NodeIndex
  /** By ascending index, removed ones included; at most maxNodeIndex. */
  readonly members: readonly Member[]
  /** At most maxJoinTokens; the expired ones go when a new one comes. */
  readonly tokens: readonly JoinToken[]
  readonly table: Table
}

/** Tokens that have not expired; one more is refused as `too-many-tokens`. */
export const maxJoinTokens = 64

/** Members that are not removed. */
export function liveMembers(state: MetaState): Member[] {
  return state.members.filter((member) => member.state !== 'removed')
}

export function memberAt(state: MetaState, index: NodeIndex): Member | undefined {
  return state.members.find((member) => member.index === index)
}

/** A member that is not removed, by name. */
export function memberNamed(state: MetaState, name: string): Member | undefined {
  return state.members.find((member) => member.name === name && member.state !== 'removed')
}
