/** A Raft group: 0 is meta, 1..P are the partitions. Two bytes, big-endian, in keys and frames. */
export type GroupId = number

export const metaGroup: GroupId = 0

/** Twelve bits of a 32-bit hash; more groups than that cost a node more ticks than they spread load. */
export const maxPartitions = 4096

/** A partition count is a power of two, so that a mask maps a hash to a partition. */
export function isPartitionCount(count: number): boolean {
  return (
    Number.isInteger(count) && count >= 1 && count <= maxPartitions && (count & (count - 1)) === 0
  )
}

/** True for 1..`partitions`; meta is not a partition. */
export function isPartition(group: GroupId, partitions: number): boolean {
  return Number.isInteger(group) && group >= 1 && group <= partitions
}

/** The key prefix of a group: two bytes, big-endian, so that one group is one range of keys. */
export function groupPrefix(group: GroupId): Uint8Array {
  return Uint8Array.of(group >>> 8, group & 0xff)
}
