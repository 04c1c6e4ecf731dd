import type { Checker } from './checker.ts'
import { Findings } from './verdict.ts'

/** Operations `mint`: the value on ok is an id or a list of ids. An unknown mint minted nothing we saw. */
export const idsUnique: Checker = {
  name: 'ids-unique',
  says: 'I13: no id is given out twice, across nodes, restarts and clock jumps.',
  check(history) {
    const findings = new Findings('ids-unique')
    const first = new Map<string, number>()
    for (const { complete, outcome } of history.named('mint')) {
      if (outcome !== 'ok' || !complete) continue
      const ids: readonly unknown[] = Array.isArray(complete.value)
        ? complete.value
        : [complete.value]
      for (const id of ids.map(String)) {
        findings.count('ids')
        const before = first.get(id)
        if (before === undefined) first.set(id, complete.index)
        else
          findings.anomaly({
            kind: 'id-twice',
            invariant: 'I13',
            says: `id ${id} was given out twice`,
            ops: [before, complete.index],
          })
      }
    }
    if (history.named('mint').length > 0 && first.size === 0) findings.doubt('no mint was ok')
    return findings.verdict()
  },
}
