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
  /** Random, made with the data folder and as old as it: hex. Another one is another disk. */
  readonly incarnation: string
  /** Of the start before this one, as the data folder tells it; 0: there was none. */
  readonly previousBoot: BootId
}

/** Where a member listens for its peers, and what the cluster knows of its disk. */
export interface PeerAddress {
  readonly name: string
  readonly host: string
  readonly port: number
  /** As the member announced it first; left out or '': not known, any is believed. */
  readonly incarnation?: string
  /** Of its newest start that the cluster knows; left out or 0: none. */
  readonly bootId?: BootId
}

export type Members = ReadonlyMap<NodeIndex, PeerAddress>
