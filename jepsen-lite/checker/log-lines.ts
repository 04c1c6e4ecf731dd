import type { Checker } from './checker.ts'
import { fields } from './topic-log.ts'
import { Findings } from './verdict.ts'

/** Observer's facts `log`: node, value {pattern, line}; and `log-missing`: a node whose log is gone. */
export const logLines: Checker = {
  name: 'log-lines',
  says: 'no node logged an uncaught exception, an unhandled rejection or a broken invariant.',
  check(history) {
    const findings = new Findings('log-lines')
    for (const op of history.facts) {
      if (op.f === 'log-missing') findings.doubt(`the log of ${op.node} is missing`)
      if (op.f !== 'log') continue
      const { pattern, line } = fields(op)
      findings.anomaly({
        kind: 'log-pattern',
        invariant: 'P11',
        says: `${op.node} logged ${String(pattern)}: ${String(line).slice(0, 300)}`,
        ops: [op.index],
      })
    }
    return findings.verdict()
  },
}
