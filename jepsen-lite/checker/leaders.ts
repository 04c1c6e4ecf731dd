import type { Checker } from './checker.ts'
import { clusterStates } from './cluster-states.ts'
import type { GroupState } from './cluster-states.ts'
import { Findings } from './verdict.ts'

/** Sampled, so it sees only what lasted; the simulator looks after every event. */
export const leaders: Checker = {
  name: 'leaders',
  says: 'I14, I16: at most one leader per group and term; term and commit never go back.',
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
      if (before) checkForward(before, state, findings)
      lastOf.set(place, state)
    }
    return findings.verdict()
  },
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
  if (now.boot !== before.boot) return
  if ((now.commit ?? Infinity) < (before.commit ?? 0))
    report('commit', before.commit ?? 0, now.commit ?? 0)
}
