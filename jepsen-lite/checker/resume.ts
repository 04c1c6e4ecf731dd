import { indexesOf } from '../operations.ts'
import type { Checker } from './checker.ts'
import { streams } from './streams.ts'
import { topicLogs } from './topic-log.ts'
import { Findings } from './verdict.ts'

export const resume: Checker = {
  name: 'resume',
  says: 'I8: after an attach from cursor c the first delivery is c+1.',
  check(history) {
    const findings = new Findings('resume')
    for (const log of history.derived(topicLogs).values())
      for (const { subscriber, attach, late, deliveries } of streams(log)) {
        const [first] = deliveries
        if (!first || late) continue
        if (!attach) {
          findings.doubt(
            `${subscriber} got operation ${first.op.index} of topic ${log.topic} without an attach`,
          )
          continue
        }
        const start = attach.cursor ?? attach.from
        if (start === undefined) continue
        findings.count('resumes')
        if (first.seq === start + 1) continue
        findings.anomaly({
          kind: first.seq > start ? 'resumed-too-late' : 'resumed-too-early',
          invariant: 'I8',
          key: log.topic,
          says: `${subscriber} attached from cursor ${start} and got seq ${first.seq} (${first.id}) first`,
          ops: [...indexesOf(attach.operation), first.op.index],
        })
      }
    return findings.verdict()
  },
}
