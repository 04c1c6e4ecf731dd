import { becomeFollower, campaign, checkQuorum } from './election.ts'
import { none } from './entry.ts'
import { leaveJointIfDue } from './membership.ts'
import { sendHeartbeats } from './replication.ts'
import type { Core, LeaderState } from './state.ts'
import { abortTransfer } from './transfer.ts'

/** One unit of time for whoever does not lead. */
export function tickFollower(core: Core): void {
  core.electionElapsed++
  const isSuspectDue = core.suspectTicks > 0 && --core.suspectTicks === 0
  if (!core.isVoter) return
  if (!isSuspectDue && core.electionElapsed < core.electionTimeout) return
  const isLinkLost = isSuspectDue || core.hasteLeft > 0
  campaign(core, core.config.preVote ? 'pre' : 'real', isLinkLost ? 'lost-link' : 'timeout')
}

/** One unit of time for the leader. */
export function tickLeader(core: Core, leader: LeaderState): void {
  core.electionElapsed++
  leader.heartbeatElapsed++
  if (core.electionElapsed >= core.config.electionTick) {
    core.electionElapsed = 0
    abortTransfer(core, leader)
    if (core.config.checkQuorum) checkQuorum(core, leader)
    if (core.leader === leader && leader.isLeaving) becomeFollower(core, core.term, none)
    if (core.leader === null) return
  }
  leaveJointIfDue(core)
  if (leader.heartbeatElapsed < core.config.heartbeatTick) return
  leader.heartbeatElapsed = 0
  core.sendDue = true
  sendHeartbeats(core, leader)
}
