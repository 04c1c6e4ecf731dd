import type { Entry, Index, RaftId, Term } from '../../src/raft/entry.ts'
import type { Message } from '../../src/raft/message.ts'
import type { PeerStatus, RaftStatus } from '../../src/raft/status.ts'
import { ClientChecker } from './client-checker.ts'
import { ElectionChecker } from './election-checker.ts'
import type { Logs } from './log-checker.ts'
import { LogChecker, holdsDurably } from './log-checker.ts'
import type { StateStore } from './state-store.ts'
import { demand } from './violation.ts'

/** What the checker looks at of one machine. */
export interface Watched {
  readonly id: RaftId
  readonly disk: Logs
  readonly store: StateStore
  /** The core has something for its host that the host has not taken. */
  readonly isBehind: boolean
}

/** What was seen of a member when it was last looked at. */
interface Seen {
  term: Term
  vote: RaftId
  commit: Index
  applied: Index
  /** Compared with what others have committed up to here. */
  compared: Index
  /** Its hard state on the disk. */
  durableTerm: Term
  durableVote: RaftId
}

/** Everything that must hold between the members, looked at from outside after each event. */
export class Checker {
  readonly elections = new ElectionChecker()
  readonly logs = new LogChecker()
  readonly clients = new ClientChecker()
  readonly #seen = new Map<RaftId, Seen>()
  readonly #find: (id: RaftId) => Watched | undefined
  readonly #holders = (voter: RaftId, index: Index, term: Term): boolean => {
    const found = this.#find(voter)
    return found !== undefined && holdsDurably(found.disk, index, term)
  }

  constructor(find: (id: RaftId) => Watched | undefined) {
    this.#find = find
  }

  sent(m: Message): void {
    this.elections.sent(m)
  }

  /** `member` was started from its disk. */
  started(member: Watched, status: RaftStatus): void {
    const { hardState } = member.disk.synced.initialState()
    const before = this.#seen.get(status.id)
    this.#seen.set(status.id, {
      term: status.term,
      vote: status.vote,
      commit: status.commit,
      applied: status.applied,
      compared: 0,
      durableTerm: before?.durableTerm ?? hardState.term,
      durableVote: before?.durableVote ?? hardState.vote,
    })
    this.clients.matches(member.id, member.store.live)
    this.observe(member, status)
  }

  /** After each event at `member`. */
  observe(member: Watched, status: RaftStatus): void {
    const seen = this.#seen.get(member.id)
    if (seen === undefined) return
    this.#checkMonotone(status, seen)
    this.#checkOrder(member, status)
    this.#checkDurable(member, seen)
    if (status.role === 'leader') {
      if (this.elections.isNewLeader(status)) this.logs.elected(status, member.disk)
      this.#checkMatches(member, status)
    }
    if (status.commit > seen.compared) {
      const { disk, isBehind } = member
      seen.compared = this.logs.commitMoved(status, disk, seen.compared, this.#holders, isBehind)
    }
  }

  applied(member: Watched, entry: Entry): void {
    const term = this.logs.termAt(entry.index)
    const seen = () => ({ id: member.id, index: entry.index, term: entry.term, committed: term })
    // A member that learns late has yet to be compared; what it applies must be committed by then.
    demand(term === entry.term, 'I15 committed stays', seen)
    this.clients.applied(member.id, entry, member.store.live)
  }

  #checkMonotone(status: RaftStatus, seen: Seen): void {
    const { id, term, vote, commit, applied } = status
    demand(term >= seen.term, 'I16 monotone', () => ({ id, term, before: seen.term }))
    demand(commit >= seen.commit, 'I16 monotone', () => ({ id, commit, before: seen.commit }))
    demand(applied >= seen.applied, 'I16 monotone', () => ({ id, applied, before: seen.applied }))
    const keeps = term > seen.term || seen.vote === 0 || vote === seen.vote
    demand(keeps, 'I14 one vote', () => ({ id, term, vote, before: seen.vote }))
    seen.term = term
    seen.vote = vote
    seen.commit = commit
    seen.applied = applied
  }

  #checkOrder({ disk, store }: Watched, { id, commit, applied }: RaftStatus): void {
    const head = disk.live.marker.index
    const state = store.live.applied
    const offered = store.offered?.snapshot.meta.index ?? 0
    const seen = () => ({ id, head, offered, applied, state, commit })
    demand(head <= commit, 'I16 order', seen)
    demand(applied <= state || store.isIncomplete, 'I16 order', seen)
    demand(state <= commit && offered <= commit, 'I16 order', seen)
  }

  #checkDurable({ id, disk }: Watched, seen: Seen): void {
    const { term, vote } = disk.synced.initialState().hardState
    if (term === seen.durableTerm && vote === seen.durableVote) return
    const { durableTerm, durableVote } = seen
    const now = () => ({ id, term, vote, durableTerm, durableVote })
    demand(term >= durableTerm, 'I16 monotone', now)
    const keeps = term > durableTerm || durableVote === 0 || vote === durableVote
    demand(keeps, 'I14 one vote', now)
    seen.durableTerm = term
    seen.durableVote = vote
  }

  /** What the leader counts as held is durable there, unless a later term has changed it since. */
  #checkMatches({ disk }: Watched, { id, term, progress }: RaftStatus): void {
    for (const key in progress) {
      const { match } = progress[Number(key)] as PeerStatus
      if (match === 0) continue
      const peer = this.#find(Number(key))
      if (peer === undefined) continue
      const { synced } = peer.disk
      const peerTerm = synced.initialState().hardState.term
      if (peerTerm > term) continue
      const seen = () => ({ id, term, peer: peer.id, match, last: synced.lastIndex(), peerTerm })
      demand(peerTerm === term && match <= synced.lastIndex(), 'I16 match is durable', seen)
      if (match <= synced.marker.index || match <= disk.live.marker.index) continue
      const expected = match > disk.live.lastIndex() ? term : disk.live.term(match)
      demand(synced.term(match) === expected, 'I16 match is durable', seen)
    }
  }
}
