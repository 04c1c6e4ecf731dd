import type { Checker } from './checker.ts'
import { fields } from './topic-log.ts'
import { Findings } from './verdict.ts'

/** Observer's facts `digest`: key = group, node, value {applied, digest}. */
export const digest: Checker = {
  name: 'digest',
  says: 'I17: replicas of a group that applied the same index hold the same state.',
  check(history) {
    const findings = new Findings('digest')
    const first = new Map<string, { digest: string; node: string; op: number }>()
    for (const op of history.facts) {
      if (op.f !== 'digest') continue
      findings.count('digests')
      const { applied, digest: text } = fields(op)
      const at = `${op.key}@${String(applied)}`
      const node = op.node ?? '?'
      const before = first.get(at)
      if (before === undefined) first.set(at, { digest: String(text), node, op: op.index })
      else if (before.digest !== String(text))
        findings.anomaly({
          kind: 'state-differs',
          invariant: 'I17',
          key: op.key ?? '?',
          says: `at applied index ${String(applied)} of group ${op.key}, ${before.node} has digest ${before.digest} and ${node} has ${String(text)}`,
          ops: [before.op, op.index],
        })
    }
    return findings.verdict()
  },
}
