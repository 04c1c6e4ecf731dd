import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { assert } from '../assert.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'

/** Where one partition should be. */
export interface Placed {
  /** Distinct nodes. The first is the preferred owner, which leadership is handed to. */
  readonly replicas: readonly NodeIndex[]
}

/**
 * Where every partition should be: a wish, not a right (only a Raft term gives the right to write).
 * Immutable; a change is a new table with a higher version.
 */
export interface Table {
  /** From 1, one more for each change. */
  readonly version: number
  /** Partition p is at [p - 1]. */
  readonly partitions: readonly Placed[]
}

/** Asserts that the table has the partition (RING-2). */
export function placed(table: Table, partition: GroupId): Placed {
  const found = table.partitions[partition - 1]
  assert(found !== undefined, 'RING-2', { partition, partitions: table.partitions.length })
  return found
}

/** The partitions that `node` should hold, ascending. */
export function partitionsOf(table: Table, node: NodeIndex): GroupId[] {
  const held: GroupId[] = []
  table.partitions.forEach((it, at) => {
    if (it.replicas.includes(node)) held.push(at + 1)
  })
  return held
}

/** Same placement, whatever the versions. */
export function samePlacement(a: Table, b: Table): boolean {
  if (a.partitions.length !== b.partitions.length) return false
  return a.partitions.every(({ replicas }, at) => {
    const other = b.partitions[at]!.replicas
    return replicas.length === other.length && replicas.every((node, i) => node === other[i])
  })
}

/** A fingerprint of the placement, 16 hex digits, for people and nodes to compare tables by. */
export function tableHash(table: Table): string {
  const words = table.partitions.flatMap(({ replicas }) => [replicas.length, ...replicas])
  const bytes = Uint8Array.from(words.flatMap((word) => [word >>> 8, word & 0xff]))
  return bytesToHex(sha256(bytes)).slice(0, 16)
}
