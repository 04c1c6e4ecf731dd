import { indexesOf, returnTime } from '../operations.ts'
import type { History } from '../operations.ts'
import type { Checker, CheckOptions } from './checker.ts'
import { streams } from './streams.ts'
import type { Stream } from './streams.ts'
import { topicLogs } from './topic-log.ts'
import type { TopicLog } from './topic-log.ts'
import { Findings } from './verdict.ts'

/**
 * Within one attach the delivered seqs are contiguous. Where the first of them must start is the
 * matter of `resume`. A subscriber who is attached until the end must also have got to the end:
 * a server that forgets a subscriber leaves no gap, only silence.
 */
export const subscriber: Checker = {
  name: 'subscriber',
  says: 'I7: what a subscriber gets over one attach is a contiguous run of the topic, up to its end.',
  check(history, options) {
    const findings = new Findings('subscriber')
    for (const log of history.derived(topicLogs).values())
      for (const stream of streams(log)) {
        findings.count('streams')
        if (!stream.late) checkRun(log.topic, stream, findings)
        checkEnd(log, stream, { history, options, findings })
      }
    return findings.verdict()
  },
}

function checkRun(
  topic: string,
  { subscriber: who, deliveries }: Stream,
  findings: Findings,
): void {
  findings.count('deliveries', deliveries.length)
  for (let i = 1; i < deliveries.length; i++) {
    const before = deliveries[i - 1]
    const now = deliveries[i]
    if (!before || !now || now.seq === before.seq + 1) continue
    const kind =
      now.seq === before.seq ? 'delivered-twice' : now.seq > before.seq ? 'skipped' : 'stepped-back'
    findings.anomaly({
      kind,
      invariant: 'I7',
      key: topic,
      says: `${who} got seq ${now.seq} (${now.id}) right after ${before.seq} (${before.id})`,
      ops: [before.op.index, now.op.index],
    })
  }
}

interface Context {
  readonly history: History
  readonly options: CheckOptions
  readonly findings: Findings
}

function checkEnd(log: TopicLog, stream: Stream, { history, options, findings }: Context): void {
  const { attach, deliveries } = stream
  if (!stream.open || attach?.operation.outcome !== 'ok') return
  // Before its first delivery a stream without a cursor has no known start, so nothing is due.
  const last = deliveries.at(-1)?.seq ?? attach.cursor ?? attach.from
  if (last === undefined) return
  const deadline = history.end - options.deliveryGrace
  const missed = log.publishes.filter(
    ({ seq, operation }) => seq !== undefined && seq > last && returnTime(operation) <= deadline,
  )
  const [first] = missed
  if (first === undefined) return
  findings.anomaly({
    kind: 'went-silent',
    invariant: 'I7',
    key: log.topic,
    says: `${stream.subscriber} stayed attached, but after seq ${last} got none of ${missed.length} acknowledged messages`,
    ops: [
      ...indexesOf(attach.operation),
      deliveries.at(-1)?.op.index ?? attach.operation.invoke.index,
      ...indexesOf(first.operation),
    ],
  })
}
