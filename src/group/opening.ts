import type { GroupId } from '../ids/group-id.ts'
import type { ConfState, RaftId } from '../raft/entry.ts'
import { none } from '../raft/entry.ts'
import type { Log } from '../store/log.ts'
import { TailLost, isBehindFence, isOnlyVoter } from './lost-tail.ts'
import type { StateMachine } from './state-machine.ts'

/** A group cannot be opened on what the disk holds. */
export class GroupDamaged extends Error {
  override readonly name = 'GroupDamaged'

  constructor(id: GroupId, what: string) {
    super(
      `group ${id}: ${what}. Log and store are not of one node at one time: put back a copy of both, ` +
        'or remove this node from the cluster and let a new one join with an empty data folder',
    )
  }
}

/** The group is on its way out of this node: `GroupHost.removing` tells when it may come again. */
export class GroupLeaving extends Error {
  override readonly name = 'GroupLeaving'

  constructor(id: GroupId) {
    super(`group ${id} is being removed from this node; it can be opened when that is done`)
  }
}

/**
 * Stores what a group must have stored before its core begins. Nobody waits for it: whatever the
 * group will promise is stored behind it.
 */
export function prepareLog(log: Log, id: GroupId, self: RaftId, bootstrap: ConfState | null): void {
  const here = log.group(id)
  if (isBehindFence(here, log.fence)) return fenceOff(log, id, self, bootstrap)
  if (!here.isUnknown || bootstrap === null) return
  // As if from a snapshot behind entry 1 of term 1, so that every member's log starts alike.
  const snapshot = { index: 1, term: 1, conf: bootstrap }
  const hardState = { term: 1, vote: none, commit: 1 }
  log.append(id, { snapshot, hardState, entries: [], conf: null }, true, () => {})
}

/** GROUP-10: promises that may be forgotten are of terms up to the fence, so the group begins behind it. */
function fenceOff(log: Log, id: GroupId, self: RaftId, bootstrap: ConfState | null): void {
  const here = log.group(id)
  const conf = here.conf?.conf ?? bootstrap
  if (conf !== null && isOnlyVoter(conf, self)) throw new TailLost(id)
  const { hardState } = here.initialState()
  if (hardState.term > log.fence) return
  const fenced = { term: log.fence + 1, vote: none, commit: hardState.commit }
  log.append(id, { snapshot: null, hardState: fenced, entries: [], conf: null }, true, () => {})
}

/** Throws GroupDamaged unless the rows of the machine and the log are of one group at one time. */
export function checkFits(log: Log, id: GroupId, machine: StateMachine): void {
  const here = log.group(id)
  const applied = machine.applied()
  const { index, term } = here.marker
  const isStart = index === 1 && term === 1
  if (applied < index && !isStart) {
    throw new GroupDamaged(id, `the log starts behind ${index}, the store ends at ${applied}`)
  }
  const { commit } = here.initialState().hardState
  // After a loss, entries that nobody knows to be committed may not be those that were applied.
  const end = isBehindFence(here, log.fence) ? Math.max(commit, index) : here.lastIndex()
  if (applied > end) {
    throw new GroupDamaged(id, `the store is at ${applied}, the log ends at ${end}`)
  }
}
