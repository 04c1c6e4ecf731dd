import { metaGroup } from '../ids/group-id.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { confMembers, isUp, sceneOf } from './group-scene.ts'
import type { PlacementView } from './group-scene.ts'

/** What a removal is judged by. Any node may ask, not only the one that leads meta. */
export type RemovalView = Pick<PlacementView, 'state' | 'reports'>

/** Nothing is decided here. */
const noLimits = { maxMoves: 0, maxMovesPerNode: 0, maxLagEntries: 0 }

/**
 * Partitions that `node` has still a part in, or of which nothing is known because their leader does
 * not report: none of them is, when a drained node may go. Ascending.
 */
export function heldBy(view: RemovalView, node: NodeIndex): GroupId[] {
  const { leaders } = sceneOf({ ...view, limits: noLimits })
  return partitions(view).filter((group) => {
    const led = leaders.get(group)
    return led === undefined || confMembers(led.group.conf).has(node)
  })
}

/**
 * Groups that could not decide any more with `node` gone for good: meta or partitions of whose voters
 * no living majority would be left, or of which nothing is known. Ask before removing by force: what
 * such a group holds may be lost. Ascending.
 */
export function endangeredBy(view: RemovalView, node: NodeIndex): GroupId[] {
  const scene = sceneOf({ ...view, limits: noLimits })
  return [metaGroup, ...partitions(view)].filter((group) => {
    const led = scene.leaders.get(group)
    if (led === undefined) return true
    const { voters, outgoing } = led.group.conf
    return [voters, outgoing].some((half) => {
      const left = half.filter((it) => it !== node && isUp(scene, led, it))
      return half.includes(node) && left.length * 2 <= half.length
    })
  })
}

function partitions({ state }: RemovalView): GroupId[] {
  return state.table.partitions.map((_, at) => at + 1)
}
