import { indexesOf } from '../operations.ts'
import type { Checker } from './checker.ts'
import { placedPublishes } from './known-seqs.ts'
import type { Placed } from './known-seqs.ts'
import { topicLogs } from './topic-log.ts'
import { Findings } from './verdict.ts'

/** A sender is one connection: a client that reconnects goes on under another sender's name. */
export const fifo: Checker = {
  name: 'fifo',
  says: 'I6: two messages of one sender, on one connection, keep their order.',
  check(history) {
    const findings = new Findings('fifo')
    for (const log of history.derived(topicLogs).values()) {
      const lastOf = new Map<string, Placed>()
      const inOrder = placedPublishes(log).toSorted((a, b) => a.seq - b.seq)
      for (const placed of inOrder) {
        findings.count('messages')
        const { sender, n, id } = placed.publish
        const before = lastOf.get(sender)
        if (before !== undefined && before.publish.n > n)
          findings.anomaly({
            kind: 'sender-reordered',
            invariant: 'I6',
            key: log.topic,
            says: `${sender} sent ${id} (number ${n}) before ${before.publish.id} (number ${before.publish.n}), but their seqs are ${placed.seq} and ${before.seq}`,
            ops: [...indexesOf(placed.publish.operation), ...indexesOf(before.publish.operation)],
          })
        else lastOf.set(sender, placed)
      }
    }
    return findings.verdict()
  },
}
