import type { Checker } from './checker.ts'
import { topicLogs } from './topic-log.ts'
import type { TopicLog } from './topic-log.ts'
import { Findings } from './verdict.ts'

/** Every ack, delivery and read is an observation of (seq, id), and all of them must agree. */
export const order: Checker = {
  name: 'order',
  says: 'I1: every observer agrees on the message at (topic, seq); one seq, one message, and back.',
  check(history) {
    const findings = new Findings('order')
    for (const log of history.derived(topicLogs).values()) checkTopic(log, findings)
    return findings.verdict()
  },
}

interface Seen {
  readonly other: string | number
  readonly op: number
  readonly by: string
}

function checkTopic(log: TopicLog, findings: Findings): void {
  const idAt = new Map<number, Seen>()
  const seqOf = new Map<string, Seen>()
  for (const { seq, id, op, by } of observations(log)) {
    findings.count('observations')
    const first = idAt.get(seq)
    if (first === undefined) idAt.set(seq, { other: id, op, by })
    else if (first.other !== id)
      findings.anomaly({
        kind: 'two-messages-at-one-seq',
        invariant: 'I1',
        key: log.topic,
        says: `seq ${seq} is ${first.other} for ${first.by} and ${id} for ${by}`,
        ops: [first.op, op],
      })
    const place = seqOf.get(id)
    if (place === undefined) seqOf.set(id, { other: seq, op, by })
    else if (place.other !== seq)
      findings.anomaly({
        kind: 'one-message-at-two-seqs',
        invariant: 'I1',
        key: log.topic,
        says: `message ${id} has seq ${place.other} for ${place.by} and ${seq} for ${by}`,
        ops: [place.op, op],
      })
  }
}

interface Observation {
  readonly seq: number
  readonly id: string
  readonly op: number
  readonly by: string
}

function* observations(log: TopicLog): Generator<Observation> {
  for (const { id, seq, operation } of log.publishes)
    if (seq !== undefined)
      yield { id, seq, op: operation.complete?.index ?? operation.invoke.index, by: 'the ack' }
  for (const { id, seq, op, subscriber } of log.deliveries)
    yield { id, seq, op: op.index, by: `subscriber ${subscriber}` }
  for (const { operation, node, messages } of log.finals) {
    const op = operation.complete?.index ?? operation.invoke.index
    for (const { id, seq } of messages) yield { id, seq, op, by: `the final read of ${node}` }
  }
}
