import type { Op } from '../op.ts'
import type { History, Operation } from '../operations.ts'
import type { Checker, CheckOptions } from './checker.ts'
import { clusterStates } from './cluster-states.ts'
import type { GroupState } from './cluster-states.ts'
import { faultBands, lastHeal } from './fault-bands.ts'
import { fields } from './topic-log.ts'
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
  for (const operation of history.operations) {
    const { invoke } = operation
    if (invoke.key === undefined) continue
    let seen = after.get(invoke.key)
    if (!seen) after.set(invoke.key, (seen = { tried: [], ok: false }))
    if (invoke.time <= healed) continue
    seen.tried.push(invoke.index)
    seen.ok ||= isServed(operation)
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

/** A conflict was decided by whoever has the key: somebody else holds that name. */
function isServed({ outcome, complete }: Operation): boolean {
  return outcome === 'ok' || (outcome === 'fail' && complete?.error?.startsWith('409') === true)
}

function checkGroups(history: History, options: CheckOptions, findings: Findings): void {
  const settled = lastHeal(history) + options.leaderGrace
  const last = new Map<string, Map<string, GroupState>>()
  const looks = lastLooks(history)
  for (const state of history.derived(clusterStates)) {
    if (!looks.has(state.op) || (!state.final && state.op.time < settled)) continue
    const nodes = last.get(state.group) ?? new Map<string, GroupState>()
    last.set(state.group, nodes.set(state.node, state))
  }
  findings.count('groups', last.size)
  const out = new Set(history.facts.flatMap((op) => (op.f === 'out' ? [op.node] : [])))
  for (const [group, nodes] of last) {
    const states = [...nodes.values()]
    const ops = states.map((state) => state.op.index)
    const report = (kind: string, invariant: string, says: string): void =>
      findings.anomaly({ kind, invariant, key: group, says, ops })
    const leaders = states.filter((state) => state.role === 'leader').map((state) => state.node)
    if (leaders.length === 0)
      report('no-leader', 'L1', `group ${group} has no leader long after the last heal`)
    if (leaders.length > 1)
      report('many-leaders', 'L1', `group ${group} is still led by ${leaders.join(' and ')}`)
    const joint = states.filter((state) => state.joint).map((state) => state.node)
    if (joint.length > 0)
      report(
        'joint-left',
        'L2',
        `group ${group} is still in a joint configuration on ${joint.join(', ')}`,
      )
    checkFinal(
      group,
      states.filter((state) => state.final),
      { report, out },
    )
  }
}

/**
 * What each node told last, so that groups that it has left meanwhile do not count. Where there was a
 * final look, only that: a node that is not in it is missed as a replica, or has left the cluster.
 */
function lastLooks(history: History): ReadonlySet<Op> {
  const looks = history.facts.filter(({ f }) => f === 'cluster-state')
  const byNode = new Map(looks.map((op) => [op.node, op]))
  const last = [...byNode.values()]
  const finals = last.filter((op) => fields(op)['final'] === true)
  return new Set(finals.length > 0 ? finals : last)
}

type Report = (kind: string, invariant: string, says: string) => void

/** When everything had time to settle. */
function checkFinal(
  group: string,
  states: readonly GroupState[],
  { report, out }: { readonly report: Report; readonly out: ReadonlySet<string | undefined> },
): void {
  const learners = states.filter((state) => state.role === 'learner').map((state) => state.node)
  if (learners.length > 0)
    report('learner-left', 'L2', `${learners.join(', ')} still learns group ${group}`)
  const applied = states.map((state) => state.applied)
  if (new Set(applied).size > 1)
    report('not-converged', 'L3', `the replicas of group ${group} stay at ${applied.join(', ')}`)
  const told = states.flatMap(({ node, voters }) => (voters ? [{ node, voters }] : []))
  const [first] = told
  if (!first) return
  for (const { node, voters } of told)
    if (voters.join() !== first.voters.join())
      report(
        'voters-differ',
        'L2',
        `${first.node} counts ${first.voters.join(', ')} for group ${group}, ${node} counts ${voters.join(', ')}`,
      )
  const missing = first.voters.filter(
    (voter) => !out.has(voter) && !states.some(({ node }) => node === voter),
  )
  if (missing.length > 0)
    report('replica-missing', 'L3', `${missing.join(', ')} has no replica of group ${group}`)
}
