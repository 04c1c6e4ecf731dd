import type { Op } from '../op.ts'
import type { Checker } from './checker.ts'
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
    return findings.verdict()
  },
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
