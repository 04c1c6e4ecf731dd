import type { Checker } from './checker.ts'
import { clusterStates } from './cluster-states.ts'
import type { GroupState } from './cluster-states.ts'
import { Findings } from './verdict.ts'

/** Sampled, so it sees only what lasted; the simulator looks after every event. */
export const leaders: Checker = {
  name: 'leaders',
  says: 'I14, I16: at most one leader per group and term; term, commit and applied never go back.',
  check(history) {
    const findings = new Findings('leaders')
    const leaderOf = new Map<string, GroupState>()
    const lastOf = new Map<string, GroupState>()
    for (const state of history.derived(clusterStates)) {
      findings.count('samples')
      const { node, group, term, op } = state
      if (state.role === 'leader') {
        const other = leaderOf.get(`${group}@${term}`)
        if (other && other.node !== node)
          findings.anomaly({
            kind: 'two-leaders',
            invariant: 'I14',
            key: group,
            says: `${other.node} and ${node} both lead group ${group} in term ${term}`,
            ops: [other.op.index, op.index],
          })
        leaderOf.set(`${group}@${term}`, state)
      }
      const place = `${group}/${node}`
      const before = lastOf.get(place)
      if (before && !beginsAnew(before, state)) checkForward(before, state, findings)
      checkApplied(state, findings)
      lastOf.set(place, state)
    }
    return findings.verdict()
  },
}

/**
 * A replica that was moved away and came back, or begins as a learner, knows nothing of before; nor
 * does one whose data a fault has taken. What a node forgot by itself is no excuse.
 */
function beginsAnew(before: GroupState, now: GroupState): boolean {
  return now.anew || now.role === 'learner' || now.data !== before.data
}

function checkForward(before: GroupState, now: GroupState, findings: Findings): void {
  const report = (what: string, from: number, to: number): void =>
    findings.anomaly({
      kind: `${what}-went-back`,
      invariant: 'I16',
      key: now.group,
      says: `on ${now.node}, the ${what} of group ${now.group} went from ${from} to ${to}`,
      ops: [before.op.index, now.op.index],
    })
  // The term is on disk before it is used, so it may not go back even over a restart.
  if (now.term < before.term) report('term', before.term, now.term)
  // A replica that left and came back between two looks counts from nothing, as one of a new process does.
  if (now.boot !== before.boot || now.opened !== before.opened) return
  if ((now.commit ?? Infinity) < (before.commit ?? 0))
    report('commit', before.commit ?? 0, now.commit ?? 0)
  if ((now.applied ?? Infinity) < (before.applied ?? 0))
    report('applied', before.applied ?? 0, now.applied ?? 0)
}

function checkApplied({ node, group, applied, commit, op }: GroupState, findings: Findings): void {
  if (applied === undefined || commit === undefined || applied <= commit) return
  findings.anomaly({
    kind: 'applied-beyond-commit',
    invariant: 'I16',
    key: group,
    says: `${node} applied ${applied} of group ${group}, where only ${commit} is committed`,
    ops: [op.index],
  })
}
