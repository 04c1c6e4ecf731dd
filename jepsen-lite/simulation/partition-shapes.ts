import type { RaftId } from '../../src/raft/entry.ts'
import type { Prng } from '../prng.ts'

export type DirectedLink = readonly [from: RaftId, to: RaftId]

const shapes = ['isolate', 'halves', 'minority', 'bridge', 'ring', 'chain'] as const

/** The links that a partition cuts. The first of `ids` is whom it is aimed at. */
export function cutLinks(ids: readonly RaftId[], isOneWay: boolean, random: Prng): DirectedLink[] {
  const shape = random.pick(shapes)
  const middle = Math.floor(ids.length / 2)
  const isOpen = (a: number, b: number): boolean => {
    switch (shape) {
      case 'isolate':
        return a !== 0 && b !== 0
      case 'halves':
        return a < middle === b < middle
      case 'minority': // one short of half, with whom it is aimed at
        return a < middle - 1 === b < middle - 1
      case 'bridge': // the middle one sees both halves
        return a === middle || b === middle || a < middle === b < middle
      case 'ring': // everyone sees a majority, no two the same one
        return isNear(a, b, ids.length, Math.max(1, Math.floor(ids.length / 4)))
      case 'chain':
        return Math.abs(a - b) <= 1
    }
  }
  const cut: DirectedLink[] = []
  const towards = random.chance(0.5)
  for (let a = 0; a < ids.length; a++) {
    for (let b = 0; b < ids.length; b++) {
      if (a === b || isOpen(a, b)) continue
      // One way: only what goes up the list, or only what goes down.
      if (isOneWay && a < b === towards) continue
      cut.push([ids[a] as RaftId, ids[b] as RaftId])
    }
  }
  return cut
}

function isNear(a: number, b: number, count: number, reach: number): boolean {
  const distance = Math.abs(a - b)
  return Math.min(distance, count - distance) <= reach
}
