import { indexesOf } from '../operations.ts'
import type { Checker } from './checker.ts'
import { attemptIndexes, topicLogs } from './topic-log.ts'
import { Findings } from './verdict.ts'

export const ack: Checker = {
  name: 'ack',
  says: 'I9: the seq of an acknowledgement is the seq in the final history.',
  check(history) {
    const findings = new Findings('ack')
    for (const log of history.derived(topicLogs).values()) {
      const finalSeq = new Map<string, { seq: number; op: number; node: string }>()
      for (const { operation, node, messages } of log.finals)
        for (const { seq, id } of messages)
          finalSeq.set(id, { seq, op: operation.complete?.index ?? operation.invoke.index, node })
      const ackedSeq = new Map<string, number>()
      for (const publish of log.publishes) {
        if (publish.operation.outcome !== 'ok') continue
        findings.count('acks')
        const { id, seq } = publish
        if (seq === undefined) {
          findings.doubt(`the ack at ${publish.operation.complete?.index} carries no seq`)
          continue
        }
        const final = finalSeq.get(id)
        if (final !== undefined && final.seq !== seq)
          findings.anomaly({
            kind: 'ack-seq-differs',
            invariant: 'I9',
            key: log.topic,
            says: `${id} was acknowledged at seq ${seq}, but ${final.node} has it at ${final.seq}`,
            ops: [...indexesOf(publish.operation), final.op],
          })
        const before = ackedSeq.get(id)
        if (before !== undefined && before !== seq)
          findings.anomaly({
            kind: 'two-acks-differ',
            invariant: 'I9',
            key: log.topic,
            says: `${id} was acknowledged at seq ${before} and again at ${seq}`,
            ops: attemptIndexes(log.byId.get(id)),
          })
        ackedSeq.set(id, seq)
      }
    }
    return findings.verdict()
  },
}
