import type { Checker } from './checker.ts'
import { attemptIndexes, fields, isRefused, messageOf, topicLogs } from './topic-log.ts'
import type { Message, TopicLog } from './topic-log.ts'
import { Findings } from './verdict.ts'

export const phantom: Checker = {
  name: 'phantom',
  says: 'I2: what is delivered or read was sent, was not refused for certain, and is undamaged.',
  check(history) {
    const findings = new Findings('phantom')
    for (const log of history.derived(topicLogs).values()) {
      for (const { op, subscriber, ...message } of log.deliveries) {
        const seen = { message, op: op.index, time: op.time, by: `subscriber ${subscriber}` }
        checkOne(log, seen, findings)
        checkBody(log.topic, seen, findings)
      }
      for (const { operation, node, messages } of log.finals) {
        const { index: op, time } = operation.complete ?? operation.invoke
        for (const message of messages) {
          const seen = { message, op, time, by: `the final read of ${node}` }
          checkOne(log, seen, findings)
          checkBody(log.topic, seen, findings)
        }
      }
    }
    for (const { invoke, complete, outcome } of history.named('history')) {
      const rows = outcome === 'ok' && complete ? fields(complete)['messages'] : undefined
      if (!complete || !Array.isArray(rows)) continue
      const { index: op, time } = complete
      const by = `a page of history at ${complete.node ?? '?'}`
      for (const row of rows) {
        const message = messageOf(complete, row as Record<string, unknown>)
        checkBody(invoke.key ?? '?', { message, op, time, by }, findings)
      }
    }
    return findings.verdict()
  },
}

interface Sighting {
  readonly message: Message
  readonly op: number
  readonly time: number
  readonly by: string
}

function checkOne(log: TopicLog, seen: Sighting, findings: Findings): void {
  findings.count('sightings')
  const { id, seq } = seen.message
  const attempts = log.byId.get(id)
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
    says: `${seen.by} saw ${id} at seq ${seq}: ${says}`,
    ops: [...attemptIndexes(attempts), seen.op],
  })
}

/** A body carries the checksum of itself and its id, so the history need not hold what was sent. */
function checkBody(topic: string, { message, op, by }: Sighting, findings: Findings): void {
  if (!message.damaged) return
  findings.anomaly({
    kind: 'damaged',
    invariant: 'I2',
    key: topic,
    says: `${by} saw ${message.id} at seq ${message.seq}: its body does not fit its checksum`,
    ops: [op],
  })
}
