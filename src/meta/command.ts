import type { NodeIndex } from '../ids/node-index.ts'
import type { Table } from '../ring/table.ts'
import type { MemberState, MetaState } from './meta-state.ts'

/**
 * What may be asked of the meta group. Commands travel through the log and are applied by every
 * node alike, so whatever differs between nodes (the clock, a token's hash) is inside them. `expect`
 * is what the asker saw: of two contradicting requests the second is told `conflict`.
 */
export type MetaCommand =
  /** The first command of a cluster's life; carries the whole state that the seed gives. */
  | { readonly kind: 'bootstrap'; readonly state: MetaState }
  | AddMember
  /** A node announces where it is reached now, its boot id and its disk. From an earlier life: `conflict`. */
  | {
      readonly kind: 'set-address'
      readonly index: NodeIndex
      readonly address: string
      readonly clientAddress: string
      readonly bootId: number
      readonly incarnation: string
    }
  /** joining → active, active ⇄ draining. */
  | {
      readonly kind: 'set-state'
      readonly index: NodeIndex
      readonly expect: MemberState
      readonly state: 'active' | 'draining'
    }
  /** For ever. Unless `force` (a node that will not come back) it must hold nothing any more. */
  | {
      readonly kind: 'remove-member'
      readonly index: NodeIndex
      readonly expect: MemberState
      readonly force: boolean
    }
  | {
      readonly kind: 'new-token'
      readonly hash: string
      readonly expiresAtMs: number
      readonly nowMs: number
      readonly sealed: string
    }
  | { readonly kind: 'revoke-token'; readonly hash: string }
  /** `base`: the version that `table` was computed from; its own version is one more. */
  | { readonly kind: 'set-table'; readonly base: number; readonly table: Table }
  | { readonly kind: 'set-format'; readonly expect: number; readonly version: number }

export interface AddMember {
  readonly kind: 'add-member'
  readonly name: string
  readonly address: string
  readonly clientAddress: string
  readonly zone: string
  readonly bootId: number
  readonly incarnation: string
  /** SHA-256 of the join token, hex. */
  readonly tokenHash: string
  /** The leader's wall clock when it proposed, ms since 1970: tokens expire by it. */
  readonly nowMs: number
}

/** Why a command changed nothing. Every node comes to the same answer. */
export type MetaRefusal =
  | 'not-bootstrapped'
  | 'already-bootstrapped'
  | 'bad-name'
  | 'bad-address'
  | 'name-taken'
  | 'address-taken'
  | 'indexes-used-up'
  | 'token-unknown'
  | 'token-expired'
  | 'too-many-tokens'
  | 'no-such-member'
  /** The node comes with another disk than its member's: what it held is lost, so it is a new member. */
  | 'wiped-disk'
  /** The state is not what the asker saw: somebody else was first. */
  | 'conflict'
  /** No way leads from the present member state to the one asked for. */
  | 'bad-transition'
  /** Nobody would be left to hold anything. */
  | 'last-member'
  /** The table still names the member. */
  | 'still-holds'
  | 'bad-table'
  | 'bad-version'

/** `value`: the granted index for add-member, the new version for set-table; else 0. */
export type MetaResult =
  | { readonly ok: true; readonly value: number }
  | { readonly ok: false; readonly error: MetaRefusal }

export interface Applied {
  /** The same object as before when the command was refused or changed nothing. */
  readonly state: MetaState | null
  readonly result: MetaResult
}
