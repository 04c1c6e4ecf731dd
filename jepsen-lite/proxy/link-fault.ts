/** What is wrong with one direction of a link. Probabilities are per chunk read, in [0, 1]. */
export type LinkFault =
  | { readonly kind: 'pass' }
  /** Open connections are reset, new ones are reset at once: the peer is seen to be gone. */
  | { readonly kind: 'cut' }
  /** Connections stay up and bytes vanish: the peer is not seen to be gone (half-open). */
  | { readonly kind: 'blackhole' }
  /** Each chunk waits `ms` plus up to `jitterMs`; the order stays. */
  | { readonly kind: 'delay'; readonly ms: number; readonly jitterMs: number }
  | { readonly kind: 'bandwidth'; readonly bytesPerSecond: number }
  /** Nothing moves; when the fault ends, everything held back goes at once. */
  | { readonly kind: 'clog' }
  /** A connection is reset; with `midFrame`, after half a chunk went through. */
  | { readonly kind: 'reset'; readonly probability: number; readonly midFrame: boolean }
  /** One bit of the chunk is flipped. */
  | { readonly kind: 'corrupt'; readonly probability: number }
  /**
   * What a lost segment is to those who use TCP: the bytes are not missing, they come after the
   * retransmission timeout, and all behind them wait. Losses come in bursts. A retransmission may be
   * lost as well, and each doubles the timeout. A chunk read stands for a segment.
   */
  | { readonly kind: 'loss'; readonly probability: number; readonly rtoMs: number }
  /**
   * A connection breaks towards who opened it, while what was on its way to the other end comes
   * later: over the old connection, once a new one of this link is up. Forward only.
   */
  | { readonly kind: 'late'; readonly probability: number; readonly gatherMs: number }

export const pass: LinkFault = { kind: 'pass' }

/** What a link really did, so that a fault without effect is noticed. Counts since the start. */
export interface LinkStats {
  accepted: number
  /** Connections that could not be made, because of the fault or because the target is down. */
  refused: number
  resets: number
  passedBytes: number
  swallowedBytes: number
  /** Chunks that had to wait. */
  heldChunks: number
  corruptedChunks: number
  /** Bytes given to a connection that its opener had left, when a newer one was up. */
  lateBytes: number
  /** Connections that the receiver had closed by then, so that nothing could come late. */
  lateRefused: number
}

export function emptyStats(): LinkStats {
  return {
    accepted: 0,
    refused: 0,
    resets: 0,
    passedBytes: 0,
    swallowedBytes: 0,
    heldChunks: 0,
    corruptedChunks: 0,
    lateBytes: 0,
    lateRefused: 0,
  }
}
