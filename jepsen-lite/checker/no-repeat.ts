import type { Checker } from './checker.ts'
import { attemptIndexes, topicLogs } from './topic-log.ts'
import type { TopicLog } from './topic-log.ts'
import { Findings } from './verdict.ts'

/** Attempts under one id count as one, however often the client retried and whatever it was told. */
export const noRepeat: Checker = {
  name: 'no-repeat',
  says: 'I5: an idempotency key appears once in its topic and in no other, however often retried.',
  check(history) {
    const findings = new Findings('no-repeat')
    const topicOf = new Map<string, string>()
    for (const log of history.derived(topicLogs).values()) {
      checkFinals(log, findings)
      checkDeliveries(log, findings)
      for (const final of log.finals)
        for (const { id } of final.messages) {
          const other = topicOf.get(id)
          if (other === undefined) topicOf.set(id, log.topic)
          else if (other !== log.topic)
            findings.anomaly({
              kind: 'in-two-topics',
              invariant: 'I5',
              key: log.topic,
              says: `message ${id} is also in topic ${other}`,
              ops: [...attemptIndexes(log.byId.get(id)), final.operation.invoke.index],
            })
        }
    }
    return findings.verdict()
  },
}

function checkFinals(log: TopicLog, findings: Findings): void {
  for (const final of log.finals) {
    const seen = new Map<string, number>()
    for (const { seq, id } of final.messages) {
      findings.count('messages')
      const before = seen.get(id)
      if (before === undefined) seen.set(id, seq)
      else
        findings.anomaly({
          kind: 'duplicate',
          invariant: 'I5',
          key: log.topic,
          says: `message ${id} is stored twice on ${final.node}: seq ${before} and ${seq}`,
          ops: [
            ...attemptIndexes(log.byId.get(id)),
            final.operation.complete?.index ?? final.operation.invoke.index,
          ],
        })
    }
  }
}

function checkDeliveries(log: TopicLog, findings: Findings): void {
  const seen = new Map<string, { seq: number; op: number }>()
  for (const { id, seq, op } of log.deliveries) {
    const before = seen.get(id)
    if (before === undefined) seen.set(id, { seq, op: op.index })
    else if (before.seq !== seq)
      findings.anomaly({
        kind: 'delivered-under-two-seqs',
        invariant: 'I5',
        key: log.topic,
        says: `message ${id} was delivered at seq ${before.seq} and at seq ${seq}`,
        ops: [before.op, op.index],
      })
  }
}
