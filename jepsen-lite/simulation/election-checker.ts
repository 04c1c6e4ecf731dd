import type { RaftId, Term } from '../../src/raft/entry.ts'
import type { Message } from '../../src/raft/message.ts'
import { majority } from '../../src/raft/quorum.ts'
import type { RaftStatus } from '../../src/raft/status.ts'
import { demand } from './violation.ts'

/** I14: who voted for whom, and who leads. */
export class ElectionChecker {
  readonly #leaders = new Map<Term, RaftId>()
  /** By term and voter: whom it granted its vote, as far as anybody was told. */
  readonly #grants = new Map<Term, Map<RaftId, RaftId>>()

  /** A message leaves `from`, or comes back to it after its disk is done. */
  sent({ kind, from, to, term, reject }: Message): void {
    if (kind === 'vote') this.#grant(term, from, from)
    else if (kind === 'vote-response' && !reject) this.#grant(term, from, to)
  }

  /** True: `status` is of a leader that is seen for the first time. */
  isNewLeader({ id, term, config }: RaftStatus): boolean {
    const known = this.#leaders.get(term)
    if (known === id) return false
    demand(known === undefined, 'I14 one leader', () => ({ term, id, known }))
    this.#leaders.set(term, id)
    for (const half of [config.voters, config.outgoing]) {
      if (half.length === 0) continue
      const granted = half.filter((voter) => this.#grants.get(term)?.get(voter) === id)
      const enough = granted.length >= majority(half.length)
      demand(enough, 'I14 elected', () => ({ term, id, half, granted }))
    }
    return true
  }

  get count(): number {
    return this.#leaders.size
  }

  #grant(term: Term, voter: RaftId, candidate: RaftId): void {
    let votes = this.#grants.get(term)
    if (votes === undefined) {
      votes = new Map()
      this.#grants.set(term, votes)
    }
    const known = votes.get(voter)
    if (known === candidate) return
    demand(known === undefined, 'I14 one vote', () => ({ term, voter, candidate, known }))
    votes.set(voter, candidate)
  }
}
