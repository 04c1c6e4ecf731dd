import { assert } from '../assert.ts'
import type { GroupId } from '../ids/group-id.ts'
import { noNode } from '../ids/node-index.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import type { Table } from './table.ts'

/** What one partition must do to get from one table to another. */
export interface Move {
  readonly partition: GroupId
  /** Nodes that become replicas; ascending. */
  readonly add: readonly NodeIndex[]
  /** Nodes that cease to be; ascending. They leave only when those of `add` have caught up. */
  readonly remove: readonly NodeIndex[]
  /** Who should lead at the end; noNode when no replica is to be left. */
  readonly preferred: NodeIndex
}

/**
 * Exactly the partitions whose replicas or preferred owner differ, ascending. Both tables have the
 * same number of partitions: asserted (RING-3), since P is fixed for the life of a cluster.
 */
export function movePlan(from: Table, to: Table): Move[] {
  const [count, newCount] = [from.partitions.length, to.partitions.length]
  assert(count === newCount, 'RING-3', { count, newCount })
  const moves: Move[] = []
  to.partitions.forEach(({ replicas }, at) => {
    const before = from.partitions[at]!.replicas
    const add = without(replicas, before)
    const remove = without(before, replicas)
    const preferred = replicas[0] ?? noNode
    if (add.length > 0 || remove.length > 0 || preferred !== before[0]) {
      moves.push({ partition: at + 1, add, remove, preferred })
    }
  })
  return moves
}

function without(nodes: readonly NodeIndex[], others: readonly NodeIndex[]): NodeIndex[] {
  return nodes.filter((node) => !others.includes(node)).toSorted((a, b) => a - b)
}
