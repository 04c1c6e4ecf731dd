import { indexesOf, returnTime } from '../operations.ts'
import type { Checker } from './checker.ts'
import { placedPublishes } from './known-seqs.ts'
import type { Placed } from './known-seqs.ts'
import { topicLogs } from './topic-log.ts'
import { Findings } from './verdict.ts'

/**
 * The server itself gives the total order, so linearizability of publishing needs no search: a
 * message acknowledged before another was sent has the smaller seq. O(n log n): from the highest
 * seq down, the earliest ack among the higher seqs must not precede the sending of this one.
 */
export const realTime: Checker = {
  name: 'real-time',
  says: 'I10 for topics: a publish acknowledged before another one was sent has the smaller seq.',
  check(history) {
    const findings = new Findings('real-time')
    for (const log of history.derived(topicLogs).values()) {
      let earliest: Placed | undefined
      for (const placed of placedPublishes(log).toSorted((a, b) => b.seq - a.seq)) {
        findings.count('messages')
        const { operation } = placed.publish
        if (earliest && returnTime(earliest.publish.operation) < operation.invoke.time)
          findings.anomaly({
            kind: 'overtaken',
            invariant: 'I10',
            key: log.topic,
            says: `${earliest.publish.id} (seq ${earliest.seq}) was acknowledged before ${placed.publish.id} (seq ${placed.seq}) was sent`,
            ops: [...indexesOf(earliest.publish.operation), ...indexesOf(operation)],
          })
        if (!earliest || returnTime(operation) < returnTime(earliest.publish.operation))
          earliest = placed
      }
    }
    return findings.verdict()
  },
}
