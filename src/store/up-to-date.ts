import type { Marker } from './group-log.ts'

/** Raft's order of logs by their last entries: the term first, then the index (paper 5.4.1). */
export function isUpToDate(entry: Marker, other: Marker): boolean {
  return entry.term > other.term || (entry.term === other.term && entry.index >= other.index)
}

export function laterOf(one: Marker | null, other: Marker): Marker {
  return one === null || isUpToDate(other, one) ? other : one
}
