import type { Index, RaftId } from './entry.ts'

/** What a quorum asks about each voter. A `Map` will do. */
export interface Lookup<T> {
  get(id: RaftId): T | undefined
}

export type VoteResult = 'won' | 'lost' | 'pending'

/** What an empty set of voters agrees on: anything, so that joining it with another set changes nothing. */
export const everyIndex: Index = Number.MAX_SAFE_INTEGER

/**
 * The highest index that a majority has acknowledged, in joint consensus a majority of each half
 * (thesis 4.3). A voter of whom nothing is known counts as 0.
 */
export function committedIndex(
  voters: readonly RaftId[],
  outgoing: readonly RaftId[] | null,
  acked: Lookup<Index>,
): Index {
  const incoming = majorityIndex(voters, acked)
  if (outgoing === null || outgoing.length === 0) return incoming
  return Math.min(incoming, majorityIndex(outgoing, acked))
}

/** Decided as soon as the missing votes cannot change it. No voters: won. */
export function voteResult(
  voters: readonly RaftId[],
  outgoing: readonly RaftId[] | null,
  votes: Lookup<boolean>,
): VoteResult {
  const incoming = majorityVote(voters, votes)
  if (outgoing === null || outgoing.length === 0) return incoming
  const leaving = majorityVote(outgoing, votes)
  if (incoming === leaving) return incoming
  return incoming === 'lost' || leaving === 'lost' ? 'lost' : 'pending'
}

export function majority(voterCount: number): number {
  return Math.floor(voterCount / 2) + 1
}

function majorityIndex(voters: readonly RaftId[], acked: Lookup<Index>): Index {
  if (voters.length === 0) return everyIndex
  // Groups are small: insertion into a descending list beats a sort with a callback.
  const sorted: Index[] = []
  for (const id of voters) {
    const index = acked.get(id) ?? 0
    let at = sorted.length
    sorted.push(index)
    for (; at > 0 && (sorted[at - 1] as Index) < index; at--) sorted[at] = sorted[at - 1] as Index
    sorted[at] = index
  }
  return sorted[majority(voters.length) - 1] as Index
}

function majorityVote(voters: readonly RaftId[], votes: Lookup<boolean>): VoteResult {
  let granted = 0
  let missing = 0
  for (const id of voters) {
    const vote = votes.get(id)
    if (vote === undefined) missing++
    else if (vote) granted++
  }
  const needed = voters.length === 0 ? 0 : majority(voters.length)
  if (granted >= needed) return 'won'
  return granted + missing >= needed ? 'pending' : 'lost'
}
