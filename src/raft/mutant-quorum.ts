import type { Index } from './entry.ts'
import { majority } from './quorum.ts'
import type { Core, LeaderState } from './state.ts'

/**
 * What a leader would commit that counts whoever it sends to, members or not, against the majority
 * of its voters. Wrong on purpose: mutants K13 and K22 only.
 */
export function indexIgnoringMembership(core: Core, leader: LeaderState): Index {
  const matches = leader.peers.filter((peer) => !peer.isLearner).map((peer) => peer.match)
  matches.sort((a, b) => b - a)
  return matches[majority(core.conf.voters.length) - 1] as Index
}
