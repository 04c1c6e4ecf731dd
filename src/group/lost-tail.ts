import { sometimes } from '../assert.ts'
import type { GroupId } from '../ids/group-id.ts'
import type { Logger } from '../ports.ts'
import type { ConfState, Index, RaftId, Term } from '../raft/entry.ts'
import type { GroupLog } from '../store/group-log.ts'
import type { Log } from '../store/log.ts'
import type { Store } from '../store/store.ts'
import { forgetGroup, groupsWithRows } from './removal.ts'

/*
 * A node whose log lost acknowledged records (store: `lostTail`) has forgotten promises: votes, and
 * entries that it said it holds. All of them are of terms up to the fence. It takes no part in any
 * vote of a group until that group has committed an entry of a later term here. The argument is in
 * docs/internals/group.md, "A lost tail".
 */

/** The group must not vote: what it promised may be forgotten, and no later term has made it good. */
export function isBehindFence(log: GroupLog, fence: Term): boolean {
  if (fence === 0) return false
  return log.proven.term <= fence
}

/**
 * The same for a group that this node had given up, and that is not yet back where it was: its log
 * goes through old states in which it would vote for somebody who lacks what it has acknowledged.
 */
export function mayForget(log: GroupLog, fence: Term): boolean {
  return log.owed !== null || isBehindFence(log, fence)
}

/** Nobody else has what this node lost. */
export class TailLost extends Error {
  override readonly name = 'TailLost'

  constructor(group: GroupId) {
    super(
      `group ${group}: the end of this node's log is gone, acknowledged records with it, and no other ` +
        'node has a copy. Put back a complete copy of the data folder; or accept that those records ' +
        'are lost (flotilla accept-loss), and start again',
    )
  }
}

export function isOnlyVoter(conf: ConfState, self: RaftId): boolean {
  const { voters, outgoing } = conf
  return voters.length === 1 && voters[0] === self && outgoing.length === 0
}

/**
 * After a loss a store may stand where its log no longer reaches, or where the log has older entries
 * that were replaced in the lost part; or the rows of a group were dropped and its log is back. What
 * does not fit together is forgotten, rows and log; the leader sends a snapshot. To be called after finishInstalls, and before machines read their rows.
 *
 * Nothing is taken from a group that has no other voter: `open` refuses it with TailLost. `isAlone`
 * answers for groups whose members are lost with their log: the cluster is this node.
 */
export async function dropUnproven(deps: {
  readonly log: Log
  readonly store: Store
  readonly self: RaftId
  readonly isAlone: boolean
  /** What the rows of a group stand for. */
  readonly applied: (id: GroupId) => Promise<Index>
  readonly logger: Logger
}): Promise<void> {
  const { log, store, self, logger } = deps
  if (log.fence === 0) return
  for (const id of new Set([...log.groups(), ...(await groupsWithRows(store))])) {
    const here = log.group(id)
    if (!isBehindFence(here, log.fence)) continue
    const { conf } = here
    if (conf === null ? deps.isAlone : isOnlyVoter(conf.conf, self)) continue
    const applied = await deps.applied(id)
    const { index: proven } = here.proven
    const isStart = here.marker.index === 1 && here.marker.term === 1
    if (!here.isNew && applied <= proven && (applied >= here.marker.index || isStart)) continue
    sometimes(true, 'group: rows that a shortened log does not prove were dropped')
    logger.error({ group: id, applied, proven }, 'rows without their log: waiting for a snapshot')
    await forgetGroup(log, store, id)
  }
}
