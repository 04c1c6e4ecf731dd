/** How groups behave; all of a host alike. */
export interface GroupOptions {
  /** One unit of Raft's time, ms. */
  readonly tickMs: number
  /** Ticks without a leader before a follower stands, plus a random share of as many again. */
  readonly electionTick: number
  readonly heartbeatTick: number
  /** Entries that a group's log holds before its older half is cut. At least 10. */
  readonly compactEvery: number
  /** Appends under way to one follower, in messages and in bytes. */
  readonly maxInflightMsgs: number
  readonly maxInflightBytes: number
  /** Bytes of entries in one append. */
  readonly maxSizePerMsg: number
  /** Bytes of committed entries handed to a machine at once. */
  readonly maxCommittedSizePerReady: number
  /** Bytes handed to a machine and not applied yet. Above: it gets no more until it has applied some. */
  readonly maxApplyingBytes: number
  /** Payload bytes proposed and not committed, per group. Above: `uncommitted-full`. */
  readonly maxUncommittedBytes: number
  /** Rows in snapshots from this node to all others together. Above: the streams wait. */
  readonly snapshotBytesPerSecond: number
}

const kibibyte = 1024
const mebibyte = 1024 * kibibyte

export const defaultGroupOptions: GroupOptions = {
  tickMs: 50,
  electionTick: 12,
  heartbeatTick: 2,
  compactEvery: 20_000,
  maxInflightMsgs: 256,
  maxInflightBytes: 16 * mebibyte,
  maxSizePerMsg: mebibyte,
  maxCommittedSizePerReady: 4 * mebibyte,
  maxApplyingBytes: 32 * mebibyte,
  // A partition stops at limits.maxUncommittedBytes by itself; this is the net below it.
  maxUncommittedBytes: 32 * mebibyte,
  snapshotBytesPerSecond: 64 * mebibyte,
}
