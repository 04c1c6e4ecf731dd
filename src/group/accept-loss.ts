import type { GroupId } from '../ids/group-id.ts'
import type { ConfState, Index, RaftId } from '../raft/entry.ts'
import { none } from '../raft/entry.ts'
import type { Log, Step } from '../store/log.ts'
import { isBehindFence, isOnlyVoter } from './lost-tail.ts'

/** What was left of a group, and goes on from here. */
export interface AcceptedLoss {
  readonly group: GroupId
  /** Everything up to here is kept; what came after, if anything did, is gone for good. */
  readonly keptTo: Index
}

/**
 * For the operator of a node that is the only voter of its groups and has lost the end of its log
 * (TailLost): what is left counts as all there was. Acknowledged messages may be gone, and their
 * numbers are given out again (P1, P2 are broken, which is why nothing does this by itself). The node
 * must not run. Groups with other voters are left alone: those refill them.
 *
 * `groups`: every group that the node should have, since the log may have forgotten which; `isAlone`:
 * the cluster is this node, so those are its own. `applied`: what the rows of a group stand for.
 * Resolves when it is durable.
 */
export async function acceptLoss(deps: {
  readonly log: Log
  readonly self: RaftId
  readonly groups: readonly GroupId[]
  readonly isAlone: boolean
  readonly applied: (id: GroupId) => Promise<Index>
}): Promise<AcceptedLoss[]> {
  const { log, self } = deps
  const accepted: AcceptedLoss[] = []
  for (const group of new Set([...log.groups(), ...deps.groups])) {
    const here = log.group(group)
    if (!isBehindFence(here, log.fence)) continue
    if (here.conf === null && !deps.isAlone) continue
    const conf = here.conf?.conf ?? aloneWith(self)
    if (!isOnlyVoter(conf, self)) continue
    const applied = await deps.applied(group)
    accepted.push({ group, keptTo: Math.max(applied, here.lastIndex()) })
    const step = stepOf(log, group, conf, applied)
    await new Promise<void>((resolve) => log.append(group, step, true, resolve))
  }
  const isWhole = log.groups().every((id) => !isBehindFence(log.group(id), log.fence))
  if (isWhole) await log.refilled()
  return accepted
}

/** Leaves the group with a committed entry of a term behind the fence. */
function stepOf(log: Log, group: GroupId, conf: ConfState, applied: Index): Step {
  const here = log.group(group)
  const term = Math.max(log.fence + 1, here.initialState().hardState.term)
  const last = here.lastIndex()
  if (applied > last) {
    // The rows are ahead of the log: it goes on behind them.
    const snapshot = { index: applied, term, conf }
    return { hardState: { term, vote: none, commit: applied }, snapshot, entries: [], conf: null }
  }
  // A group that has nothing at all is founded, as GroupHost.open does it.
  const snapshot = here.isNew ? { index: 1, term: 1, conf } : null
  const index = here.isNew ? 2 : last + 1
  const entries = [{ index, term, kind: 'normal' as const, data: new Uint8Array(0) }]
  return { hardState: { term, vote: none, commit: index }, snapshot, entries, conf: null }
}

function aloneWith(self: RaftId): ConfState {
  return { voters: [self], outgoing: [], learners: [], learnersNext: [], autoLeave: false }
}
