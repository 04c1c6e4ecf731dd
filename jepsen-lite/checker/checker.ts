import type { History } from '../operations.ts'
import type { Verdict } from './verdict.ts'

/**
 * Judges one property of a history. It reads and never changes it, and it is a function of history
 * and options alone, but for the time limit of searches.
 */
export interface Checker {
  readonly name: string
  /** One sentence: what must hold, with the number of the invariant. */
  readonly says: string
  check(history: History, options: CheckOptions): Verdict
}

export interface CheckOptions {
  /** Searches give up then and say unknown; ms per checker. */
  readonly searchMs: number
  /** Entries of all memo tables of one search together, 16 bytes each. Above: unknown. */
  readonly maxMemoEntries: number
  /** Operations per second before the first fault, below which a run proves nothing. 0: no floor. */
  readonly minThroughput: number
  /** Deliveries may lag behind the ack by this at the end of the history, ns. */
  readonly deliveryGrace: number
  /** A leader must be there so long after the last heal, ns (L1). */
  readonly leaderGrace: number
  /** Share of each window in which something must be ok while a majority is healthy (L6). 0: report only. */
  readonly minAvailability: number
  /** Length of such a window, ns. */
  readonly availabilityWindow: number
  /** So long may no operation on a key be served, though it is wanted and a majority is healthy, ns (L6). */
  readonly maxKeyGap: number
  /** Operation names that must have an ok each; those seen in the history are always looked at. */
  readonly mustSucceed: readonly string[]
  /** Whether each fault must have shown an effect. */
  readonly effectsRequired: boolean
}

export const defaultCheckOptions: CheckOptions = {
  searchMs: 40_000,
  maxMemoEntries: 1 << 24,
  minThroughput: 0,
  deliveryGrace: 5_000_000_000,
  leaderGrace: 10_000_000_000,
  minAvailability: 0,
  availabilityWindow: 5_000_000_000,
  // A failed node is noticed within two seconds, on a busy machine within five; what it held back may be asked anew for as long.
  maxKeyGap: 15_000_000_000,
  mustSucceed: [],
  effectsRequired: true,
}
