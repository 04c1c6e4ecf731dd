import type { NodeIndex } from '../ids/node-index.ts'

/**
 * Fresh at each start of a node and larger than at every start before; fences what an earlier
 * life of the node left behind.
 */
export type BootId = number

/** Who a node is. The index and name come from the member list, the boot id from this start. */
export interface PeerIdentity {
  readonly index: NodeIndex
  readonly name: string
  readonly bootId: BootId
}

export interface PeerSelf extends PeerIdentity {
  /** Made once at bootstrap; nodes of another cluster are refused even if they know the secret. */
  readonly clusterId: string
}

/** Where a member listens for its peers. */
export interface PeerAddress {
  readonly name: string
  readonly host: string
  readonly port: number
}

export type Members = ReadonlyMap<NodeIndex, PeerAddress>
