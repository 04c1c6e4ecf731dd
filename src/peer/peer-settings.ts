/** Times and bounds of the links between nodes. Tests and slow networks may set others. */
export interface PeerSettings {
  /** Each link asks for a sign of life this often, ms. */
  readonly pingEveryMs: number
  /** A connection without a sign of life for this long is closed, ms. */
  readonly deadAfterMs: number
  /** Connecting and proving who one is takes at most this long, ms. */
  readonly handshakeMs: number
  /** Pause before dialling again, ms: doubles from min to max; a random half of it is left off. */
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
  /** Bytes posted to one peer and not yet taken by the kernel. Above: the link is reset, the queue dropped. */
  readonly maxQueueBytes: number
  /** Accepted connections that have not proved who they are. Above: a new one is closed at once. */
  readonly maxUnproven: number
  /** Accepted connections of all kinds; members need six each at most. Above: closed at once. */
  readonly maxConnections: number
  /** Messages posted to this node itself and not yet delivered. Above: `post` answers false. */
  readonly maxLoopback: number
  /** Bulk streams from one peer at a time. Above: a further one is refused as busy. */
  readonly maxBulkPerPeer: number
  /** Chunk bytes read ahead of a slow consumer of a bulk stream. Above: its socket is not read. */
  readonly maxBulkAheadBytes: number
}

export const defaultPeerSettings: PeerSettings = {
  pingEveryMs: 500,
  deadAfterMs: 2_000,
  handshakeMs: 2_000,
  backoffMinMs: 50,
  backoffMaxMs: 1_000,
  maxQueueBytes: 64 * 1024 * 1024,
  maxUnproven: 64,
  maxConnections: 8_192,
  maxLoopback: 65_536,
  maxBulkPerPeer: 4,
  maxBulkAheadBytes: 1024 * 1024,
}
