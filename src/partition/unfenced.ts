import type { Entry, Index, Term } from '../raft/entry.ts'

interface Proposal {
  readonly index: Index
  readonly term: Term
  readonly data: Uint8Array
}

/** Above: the oldest are left alone. */
const maxRemembered = 1_000

/**
 * The planted bug K16 (fault-points.ts): proposals of a term that is over, and that did not commit in
 * it, are proposed again when this node leads the partition next, over whatever came between.
 */
export class Unfenced {
  #proposals: Proposal[] = []

  proposed({ index, term }: { index: Index; term: Term }, data: Uint8Array): void {
    this.#proposals.push({ index, term, data })
    if (this.#proposals.length > maxRemembered) this.#proposals.shift()
  }

  committed({ index, term }: Entry): void {
    const at = this.#proposals.findIndex((it) => it.index === index && it.term === term)
    if (at >= 0) this.#proposals.splice(at, 1)
  }

  again(propose: (data: Uint8Array) => void): void {
    for (const { data } of this.#proposals.splice(0)) propose(data)
  }
}
