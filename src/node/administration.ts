import type { MemberState } from '../meta/meta-state.ts'
import type { FirstMember } from './config.ts'
import type { Options } from './options.ts'
import type { AdminRefusal } from './admin-refusals.ts'

/**
 * What an administrator may ask of any node; the admin endpoints and, through them, the command line
 * call it. Every answer that is not `ok` names what is wrong and what to do.
 */
export interface Administration {
  /** A token that lets new nodes join until it expires. The plain token is nowhere but in the answer. */
  newToken(validForMs: number): Promise<AdminAnswer<NewToken>>
  /** `id` as in `tokens`. */
  revokeToken(id: string): Promise<AdminAnswer<null>>
  tokens(): readonly KnownToken[]
  /** A new node asks for its place. Asked again with the same boot id it gets the same answer. */
  admit(request: JoinRequest): Promise<AdminAnswer<Admission>>
  /** `draining`: the cluster takes from the node what it holds. `active`: it may be given some again. */
  setState(node: string, state: 'active' | 'draining'): Promise<AdminAnswer<MemberState>>
  /** For ever. `force`: a node that will not come back, whatever it still holds. */
  remove(node: string, force: boolean): Promise<AdminAnswer<null>>
}

export type AdminAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false
      /** For programs. */
      readonly error: AdminRefusal
      /** For people: what is wrong, and the cure. */
      readonly says: string
    }

export interface NewToken {
  readonly id: string
  readonly token: string
  readonly expiresAtMs: number
}

export interface KnownToken {
  /** The first 12 digits of its hash. */
  readonly id: string
  readonly expiresAtMs: number
}

export interface JoinRequest {
  readonly name: string
  readonly peer: string
  readonly client: string
  readonly zone: string
  readonly bootId: number
  readonly incarnation: string
  readonly tokenHash: string
}

/** What a new node needs to know to be a member. */
export interface Admission {
  readonly index: number
  readonly clusterId: string
  readonly cluster: {
    readonly name: string
    readonly profile: 'development' | 'production'
    readonly partitions: number
    readonly replicationFactor: number
    readonly virtualNodes: number
    /** Where the node that answers differs from the defaults: a new node begins with the same. */
    readonly options: Partial<Options>
  }
  readonly members: readonly FirstMember[]
  /** The cluster's secret, sealed under a key that only whoever has the token can derive. */
  readonly sealed: string
  /** Made with the secret over all of this and the request: nobody on the way has changed anything. */
  readonly proof: string
}
