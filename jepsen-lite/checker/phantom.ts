import type { Checker } from './checker.ts'
import { attemptIndexes, isRefused, topicLogs } from './topic-log.ts'
import type { TopicLog } from './topic-log.ts'
import { Findings } from './verdict.ts'

export const phantom: Checker = {
  name: 'phantom',
  says: 'I2: what is delivered or read was sent, was not refused for certain, and is undamaged.',
  check(history) {
    const findings = new Findings('phantom')
    for (const log of history.derived(topicLogs).values()) {
      for (const { id, seq, op, subscriber, damaged } of log.deliveries) {
        checkOne(
          log,
          { id, seq, op: op.index, time: op.time, by: `subscriber ${subscriber}` },
          findings,
        )
        if (damaged)
          findings.anomaly({
            kind: 'damaged',
            invariant: 'I2',
            key: log.topic,
            says: `the body of ${id} (seq ${seq}) does not fit its checksum`,
            ops: [op.index],
          })
      }
      for (const { operation, node, messages } of log.finals) {
        const { index: op, time } = operation.complete ?? operation.invoke
        for (const { id, seq } of messages)
          checkOne(log, { id, seq, op, time, by: `the final read of ${node}` }, findings)
      }
    }
    return findings.verdict()
  },
}

interface Sighting {
  readonly id: string
  readonly seq: number
  readonly op: number
  readonly time: number
  readonly by: string
}

function checkOne(log: TopicLog, seen: Sighting, findings: Findings): void {
  findings.count('sightings')
  const attempts = log.byId.get(seen.id)
  const [first] = attempts ?? []
  let kind: string | undefined
  let says = ''
  if (attempts === undefined || first === undefined) {
    kind = 'never-sent'
    says = 'nobody sent it to this topic'
  } else if (isRefused(attempts)) {
    kind = 'refused-but-there'
    says = 'every attempt to send it failed for certain'
  } else if (seen.time < first.operation.invoke.time) {
    kind = 'before-sending'
    says = 'that was before it was sent'
  }
  if (kind === undefined) return
  findings.anomaly({
    kind,
    invariant: 'I2',
    key: log.topic,
    says: `${seen.by} saw ${seen.id} at seq ${seen.seq}: ${says}`,
    ops: [...attemptIndexes(attempts), seen.op],
  })
}
