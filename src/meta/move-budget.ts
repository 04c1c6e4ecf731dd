import type { NodeIndex } from '../ids/node-index.ts'
import type { PlacementLimits } from './node-report.ts'

/** How much more may move at a time, after what moves already. */
export class MoveBudget {
  readonly #limits: PlacementLimits
  readonly #byNode = new Map<NodeIndex, number>()
  #moving = 0

  constructor(limits: PlacementLimits) {
    this.#limits = limits
  }

  /** No other partition may begin. */
  get isSpent(): boolean {
    return this.#moving >= this.#limits.maxMoves
  }

  hasRoom(node: NodeIndex): boolean {
    return (this.#byNode.get(node) ?? 0) < this.#limits.maxMovesPerNode
  }

  /** A partition moves, to these. */
  moves(learners: readonly NodeIndex[]): void {
    this.#moving++
    this.joins(learners)
  }

  /** A partition that moves already does so to these too. */
  joins(learners: readonly NodeIndex[]): void {
    for (const node of learners) this.#byNode.set(node, (this.#byNode.get(node) ?? 0) + 1)
  }
}
