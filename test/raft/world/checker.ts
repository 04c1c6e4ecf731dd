import { assert } from '../../../src/assert.ts'
import type { Entry, Index, RaftId, Term } from '../../../src/raft/entry.ts'
import { majority } from '../../../src/raft/quorum.ts'
import type { RaftStatus } from '../../../src/raft/status.ts'
import type { Member } from './member.ts'

/**
 * What must hold between the members of a group (paper, figure 3), looked at from outside after
 * every step: election safety, leader completeness, state machine safety, commit on a durable
 * quorum, terms and commit indexes that never fall, one vote a term, reads that see what was
 * committed when they were asked.
 */
export class Checker {
  readonly committed: Entry[] = []
  readonly #leaders = new Map<Term, RaftId>()
  /** By index: the newest term anybody led when it was first applied; it was committed in that or before. */
  readonly #committedBy: Term[] = []
  #newestTerm: Term = 0
  readonly #durable = new Map<RaftId, { term: Term; vote: RaftId }>()
  readonly #commits = new Map<RaftId, Index>()
  readonly #terms = new Map<RaftId, Term>()
  readonly #asked = new Map<number, Index>()

  /** After any step of `member`. */
  observe(member: Member, all: readonly Member[]): void {
    member.raft.check()
    const status = member.raft.status()
    const { id, term, commit } = status
    assert(term >= (this.#terms.get(id) ?? 0), 'CHECK-1', { id, term })
    assert(commit >= (this.#commits.get(id) ?? 0), 'CHECK-2', { id, commit })
    this.#terms.set(id, term)
    this.#checkVote(member)
    if (status.role === 'leader') this.#checkLeader(member, status)
    if (status.role === 'leader' && commit > (this.#commits.get(id) ?? 0)) {
      this.#checkQuorum(member, status, all)
    }
    this.#commits.set(id, commit)
  }

  /** After a crash what was only in memory may be gone; what is on disk may not. */
  restarted(member: Member): void {
    const { id, term, commit } = member.raft.status()
    this.#terms.set(id, term)
    this.#commits.set(id, commit)
  }

  applied(member: Member, page: readonly Entry[]): void {
    for (const entry of page) {
      const known = this.committed[entry.index - 1]
      if (known === undefined) {
        assert(this.committed.length === entry.index - 1, 'CHECK-3', { index: entry.index })
        this.committed.push(entry)
        this.#committedBy.push(this.#newestTerm)
      } else {
        const seen = { id: member.id, index: entry.index, term: entry.term, known: known.term }
        assert(known.term === entry.term, 'CHECK-3', seen)
        assert(Buffer.compare(known.data, entry.data) === 0, 'CHECK-3', seen)
      }
    }
  }

  asked(context: number, all: readonly Member[]): void {
    this.#asked.set(context, Math.max(...all.map((member) => member.raft.status().commit)))
  }

  read(context: number, index: Index): void {
    const atLeast = this.#asked.get(context)
    assert(atLeast !== undefined && index >= atLeast, 'CHECK-4', { context, index, atLeast })
  }

  #checkVote(member: Member): void {
    const { term, vote } = member.disk.durableHardState
    const before = this.#durable.get(member.id)
    if (before !== undefined) {
      assert(term >= before.term, 'CHECK-5', { id: member.id, term, before })
      const kept = term > before.term || before.vote === 0 || vote === before.vote
      assert(kept, 'CHECK-5', { id: member.id, vote, before })
    }
    this.#durable.set(member.id, { term, vote })
  }

  #checkLeader(member: Member, { id, term }: RaftStatus): void {
    const known = this.#leaders.get(term)
    if (known === id) return
    assert(known === undefined, 'CHECK-6', { term, id, known })
    this.#leaders.set(term, id)
    this.#newestTerm = Math.max(this.#newestTerm, term)
    for (const entry of this.committed) {
      const { index } = entry
      if (index < member.disk.firstIndex()) continue
      // A late winner of an older term owes nothing to a newer one, and will learn of it.
      if ((this.#committedBy[index - 1] as Term) >= term) continue
      assert(index <= member.disk.lastIndex(), 'CHECK-7', { id, term, misses: index })
      assert(member.disk.term(index) === entry.term, 'CHECK-7', { id, term, differs: index })
    }
  }

  #checkQuorum(member: Member, { config, commit, id }: RaftStatus, all: readonly Member[]): void {
    // The leader's own disk may lag behind the others, but then the entry is not durable there.
    if (commit > member.disk.lastIndex()) return
    const term = member.disk.term(commit)
    for (const half of [config.voters, config.outgoing]) {
      if (half.length === 0) continue
      const holders = half.filter((voter) => {
        const disk = all.find((other) => other.id === voter)?.disk
        return disk !== undefined && disk.holdsDurably(commit, term)
      })
      assert(holders.length >= majority(half.length), 'CHECK-8', { id, commit, term, holders })
    }
  }
}
