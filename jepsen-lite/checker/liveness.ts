import type { History } from '../operations.ts'
import type { Checker, CheckOptions } from './checker.ts'
import { clusterStates } from './cluster-states.ts'
import type { GroupState } from './cluster-states.ts'
import { faultBands, lastHeal } from './fault-bands.ts'
import { Findings } from './verdict.ts'

/** As far as a history shows it: what must be well again once the last fault is healed. */
export const liveness: Checker = {
  name: 'liveness',
  says: 'L1–L5: after the last heal there are leaders, replicas converge, and every key works again.',
  check(history, options) {
    const findings = new Findings('liveness')
    for (const band of history.derived(faultBands))
      if (band.to === Infinity) findings.doubt(`the fault ${band.name} was never stopped`)
    checkAnswered(history, findings)
    checkKeys(history, findings)
    checkGroups(history, options, findings)
    return findings.verdict()
  },
}

function checkAnswered(history: History, findings: Findings): void {
  for (const { invoke, complete } of history.operations)
    if (!complete)
      findings.anomaly({
        kind: 'never-over',
        invariant: 'L5',
        says: `process ${invoke.process} never heard of its ${invoke.f} again, not even a timeout`,
        ops: [invoke.index],
        ...(invoke.key !== undefined && { key: invoke.key }),
      })
}

function checkKeys(history: History, findings: Findings): void {
  const healed = lastHeal(history)
  if (healed === 0) return
  const after = new Map<string, { tried: number[]; ok: boolean }>()
  for (const { invoke, outcome } of history.operations) {
    if (invoke.key === undefined) continue
    let seen = after.get(invoke.key)
    if (!seen) after.set(invoke.key, (seen = { tried: [], ok: false }))
    if (invoke.time <= healed) continue
    seen.tried.push(invoke.index)
    seen.ok ||= outcome === 'ok'
  }
  findings.count('keys', after.size)
  for (const [key, { tried, ok }] of after) {
    if (ok) continue
    if (tried.length === 0) findings.doubt(`key ${key} was not tried after the last heal`)
    else
      findings.anomaly({
        kind: 'dead-key',
        invariant: 'L4',
        key,
        says: `none of ${tried.length} operations on ${key} after the last heal was ok`,
        ops: tried,
      })
  }
}

function checkGroups(history: History, options: CheckOptions, findings: Findings): void {
  const settled = lastHeal(history) + options.leaderGrace
  const last = new Map<string, Map<string, GroupState>>()
  for (const state of history.derived(clusterStates)) {
    if (!state.final && state.op.time < settled) continue
    const nodes = last.get(state.group) ?? new Map<string, GroupState>()
    last.set(state.group, nodes.set(state.node, state))
  }
  findings.count('groups', last.size)
  for (const [group, nodes] of last) {
    const states = [...nodes.values()]
    const ops = states.map((state) => state.op.index)
    const report = (kind: string, invariant: string, says: string): void =>
      findings.anomaly({ kind, invariant, key: group, says, ops })
    if (!states.some((state) => state.role === 'leader'))
      report('no-leader', 'L1', `group ${group} has no leader long after the last heal`)
    const joint = states.filter((state) => state.joint).map((state) => state.node)
    if (joint.length > 0)
      report(
        'joint-left',
        'L2',
        `group ${group} is still in a joint configuration on ${joint.join(', ')}`,
      )
    const applied = states.filter((state) => state.final).map((state) => state.applied)
    if (new Set(applied).size > 1)
      report('not-converged', 'L3', `the replicas of group ${group} stay at ${applied.join(', ')}`)
  }
}
