import { assert } from '../assert.ts'
import type { NodeIndex } from '../ids/node-index.ts'
import { murmur3 } from '../ids/routing-key.ts'

/** Points of one node of weight 1. More of them spread better and cost memory and start time. */
export const defaultVirtualNodes = 128

/** Above this a node of great weight gains no further precision. */
const maxVirtualNodes = 4_096

export interface RingNode {
  readonly index: NodeIndex
  /** Share of load relative to the others; above 0. */
  readonly weight: number
}

/**
 * Consistent hashing (Karger 1997): each node stands at many points of a circle of 32 bits, and a
 * key walks clockwise from its own point. A node that comes or goes changes only the walks that
 * meet it. Immutable, and the same for every order of `nodes`. Hash and point names are frozen.
 */
export class HashRing {
  readonly #points: Float64Array
  readonly #owners: Uint16Array
  readonly #count: number

  /** `virtualNodes`: points for weight 1, from 1 up (RING-1). */
  constructor(nodes: readonly RingNode[], virtualNodes: number) {
    assert(Number.isInteger(virtualNodes) && virtualNodes > 0, 'RING-1', { virtualNodes })
    const entries: { point: number; owner: NodeIndex }[] = []
    for (const { index, weight } of nodes) {
      const points = Math.min(Math.max(Math.round(virtualNodes * weight), 1), maxVirtualNodes)
      for (let i = 0; i < points; i++) {
        entries.push({ point: murmur3(`node ${index} ${i}`, 0), owner: index })
      }
    }
    // Points may collide; the lower index then goes first, on every node alike.
    entries.sort((a, b) => a.point - b.point || a.owner - b.owner)
    this.#points = Float64Array.from(entries, (entry) => entry.point)
    this.#owners = Uint16Array.from(entries, (entry) => entry.owner)
    this.#count = nodes.length
  }

  /** All nodes, each once, in the order in which a walk from `key` meets them. */
  walk(key: string): NodeIndex[] {
    const met = new Set<NodeIndex>()
    const size = this.#points.length
    let at = this.#firstAtOrAfter(murmur3(key, 0))
    for (let steps = 0; steps < size && met.size < this.#count; steps++, at++) {
      met.add(this.#owners[at % size]!)
    }
    return [...met]
  }

  #firstAtOrAfter(point: number): number {
    let low = 0
    let high = this.#points.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#points[middle]! < point) low = middle + 1
      else high = middle
    }
    return low
  }
}
