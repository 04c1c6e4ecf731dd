import type { Entry, Index, RaftId, Term } from '../../src/raft/entry.ts'
import { majority } from '../../src/raft/quorum.ts'
import type { RaftStatus } from '../../src/raft/status.ts'
import type { GroupLog } from '../../src/store/group-log.ts'
import { entryHash } from './replica-state.ts'
import { demand } from './violation.ts'

/** A machine's log, as read and as it would be after a crash. */
export interface Logs {
  readonly live: GroupLog
  readonly synced: GroupLog
}

interface Committed {
  readonly term: Term
  /** Term of the leader that committed it. */
  readonly by: Term
}

interface Known {
  readonly term: Term
  readonly hash: number
  readonly prevTerm: Term
}

/** The index that a group is founded with; nothing before it was ever an entry. */
export const foundingIndex: Index = 1
export const foundingTerm: Term = 1

/** I15: what the logs of all members have in common, and what is committed. */
export class LogChecker {
  /** By index; the first two stand for nothing and the founding. */
  readonly #committed: Committed[] = [
    { term: 0, by: 0 },
    { term: foundingTerm, by: 0 },
  ]
  readonly #known: Known[][] = []

  /** Last index that any leader has committed. */
  get lastCommitted(): Index {
    return this.#committed.length - 1
  }

  termAt(index: Index): Term | undefined {
    return this.#committed[index]?.term
  }

  /**
   * Entries were written on some machine, after an entry of `prevTerm`. If (index, term) always
   * means the same entry after an entry of the same term, all logs match by induction.
   */
  appended(id: RaftId, entries: readonly Entry[], prevTerm: Term): void {
    let before = prevTerm
    for (const entry of entries) {
      const { index, term } = entry
      const hash = entryHash(entry)
      const at = (this.#known[index] ??= [])
      const known = at.find((one) => one.term === term)
      if (known === undefined) at.push({ term, hash, prevTerm: before })
      else {
        const same = known.hash === hash && known.prevTerm === before
        const seen = () => ({ id, index, term, before, known })
        demand(same, 'I15 log matching', seen)
      }
      before = term
    }
  }

  /**
   * A member committed up to `status.commit`. Returns up to where that was compared: of a follower
   * nothing while `isBehind`, for then its host has yet to write what the core has changed.
   */
  commitMoved(
    status: RaftStatus,
    logs: Logs,
    from: Index,
    holders: Holders,
    isBehind: boolean,
  ): Index {
    const { id, commit, role, term } = status
    const { live } = logs
    const isLeader = role === 'leader'
    if (isBehind && !isLeader) return from
    const last = live.lastIndex()
    const first = Math.max(from, live.marker.index) + 1
    for (let index = first; index <= commit; index++) {
      // What a leader has not handed out yet is of its own term: it handed out all else to be elected.
      this.#compare(id, index, index > last ? term : live.term(index), status, holders)
    }
    return commit
  }

  /** Elected in `term`: everything committed in older terms must be in its log. */
  elected({ id, term }: RaftStatus, { live }: Logs): void {
    let index = this.lastCommitted
    while (index > foundingIndex && (this.#committed[index] as Committed).by >= term) index--
    const expected = (this.#committed[index] as Committed).term
    const { marker } = live
    if (index < marker.index) return
    const holds = index <= live.lastIndex() && live.term(index) === expected
    demand(holds, 'I15 leader completeness', () => ({ id, term, misses: index, of: expected }))
  }

  #compare(id: RaftId, index: Index, term: Term, status: RaftStatus, holders: Holders): void {
    const known = this.#committed[index]
    if (known !== undefined) {
      const seen = () => ({ id, index, term, known })
      demand(known.term === term, 'I15 committed stays', seen)
      return
    }
    demand(index === this.#committed.length, 'I15 committed stays', () => ({ id, index, term }))
    const by = status.term
    demand(status.role === 'leader', 'I15 on a quorum', () => ({ id, index, role: status.role }))
    for (const half of [status.config.voters, status.config.outgoing]) {
      if (half.length === 0) continue
      const holding = half.filter((voter) => holders(voter, index, term))
      const enough = holding.length >= majority(half.length)
      demand(enough, 'I15 on a quorum', () => ({ id, index, term, by, half, holding }))
    }
    this.#committed.push({ term, by })
  }
}

/** Whether a voter would still have (index, term) after a crash now. */
export type Holders = (voter: RaftId, index: Index, term: Term) => boolean

export function holdsDurably({ synced }: Logs, index: Index, term: Term): boolean {
  if (index < synced.marker.index) return true
  return index <= synced.lastIndex() && synced.term(index) === term
}
