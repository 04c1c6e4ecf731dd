/**
 * A node's number in the cluster, 1..1023, granted by the meta group and never used again. It is
 * also the node's Raft id and its machine number in snowflake ids. 0 means "none".
 */
export type NodeIndex = number

export const noNode: NodeIndex = 0

/** Ten bits of a snowflake id; 0 is kept for "none". Frozen: stored ids depend on it. */
export const maxNodeIndex: NodeIndex = 1023

export function isNodeIndex(value: unknown): value is NodeIndex {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= maxNodeIndex
}
