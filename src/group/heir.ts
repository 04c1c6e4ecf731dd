import type { RaftId } from '../raft/entry.ts'
import { none } from '../raft/entry.ts'
import type { RaftStatus } from '../raft/status.ts'

/** The voter that answers and holds most, besides the leader itself; none: there is none. */
export function bestHeir({ id: self, config, progress }: RaftStatus): RaftId {
  let heir = none
  let best = -1
  for (const id of config.voters) {
    const peer = progress[id]
    if (id === self || peer?.active !== true || peer.match <= best) continue
    heir = id
    best = peer.match
  }
  return heir
}
