import type { Op } from '../op.ts'
import type { History } from '../operations.ts'
import type { Checker } from './checker.ts'
import { clusterStates } from './cluster-states.ts'
import { fields } from './topic-log.ts'
import { Findings } from './verdict.ts'

/**
 * Observer's facts `ring`: node, value {applied, hash, partitions?: {id: [voter, ...]}, replicas?,
 * idle?}. `applied` is the index of the meta group. Only an idle table must have exactly
 * `replicas` voters a partition: a move has one more for a while.
 */
export const ring: Checker = {
  name: 'ring',
  says: 'I18: nodes at one meta index compute one table; idle partitions have RF distinct voters.',
  check(history) {
    const findings = new Findings('ring')
    const first = new Map<string, { hash: string; node: string; op: number }>()
    for (const op of history.facts) {
      if (op.f !== 'ring') continue
      findings.count('tables')
      const { applied, hash } = fields(op)
      const node = op.node ?? '?'
      const before = first.get(String(applied))
      if (before === undefined)
        first.set(String(applied), { hash: String(hash), node, op: op.index })
      else if (before.hash !== String(hash))
        findings.anomaly({
          kind: 'tables-differ',
          invariant: 'I18',
          says: `at meta index ${String(applied)}, ${before.node} and ${node} have different tables`,
          ops: [before.op, op.index],
        })
      checkVoters(op, findings)
    }
    checkGroups(history, findings)
    return findings.verdict()
  },
}

/** In the end each group votes where the table says, as far as the nodes tell who votes. */
function checkGroups(history: History, findings: Findings): void {
  const table = history.facts.findLast((op) => op.f === 'ring' && fields(op)['idle'] === true)
  const { partitions } = table ? fields(table) : {}
  if (!table || typeof partitions !== 'object' || partitions === null) return
  for (const { final, group, voters, node, op } of history.derived(clusterStates)) {
    const list: unknown = (partitions as Record<string, unknown>)[group.replace(/^p/, '')]
    if (!final || !voters || !Array.isArray(list)) continue
    findings.count('groups')
    const due = list.map(String).toSorted()
    if (due.join() === voters.join()) continue
    findings.anomaly({
      kind: 'group-differs-from-table',
      invariant: 'I18',
      key: group,
      says: `on ${node}, ${voters.join(', ')} vote in group ${group}, where the table wants ${due.join(', ')}`,
      ops: [table.index, op.index],
    })
  }
}

function checkVoters(op: Op, findings: Findings): void {
  const { partitions, replicas, idle } = fields(op)
  if (idle !== true || typeof partitions !== 'object' || partitions === null) return
  for (const [partition, list] of Object.entries(partitions)) {
    const voters = Array.isArray(list) ? list.map(String) : []
    const distinct = new Set(voters).size
    if (distinct === voters.length && (replicas === undefined || distinct === replicas)) continue
    findings.anomaly({
      kind: 'wrong-voters',
      invariant: 'I18',
      key: partition,
      says: `partition ${partition} has the voters ${voters.join(', ') || 'nobody'}, where ${String(replicas)} distinct ones are due`,
      ops: [op.index],
    })
  }
}
